"""Dialects: pure codecs between a vendor's bytes and the nouns of ``types``, both ways."""
