"""The batch APIs of providers, one module each. What is asked and answered in them is the dialect
of the vendor's wire; here is only what stands around it."""
