"""Output: from a model's text to a value the caller can use."""
