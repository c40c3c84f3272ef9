"""Libraries that ask for a model, each given one that is Seawall. Each needs its extra."""
