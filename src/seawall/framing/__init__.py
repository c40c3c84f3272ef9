"""Framing: codecs that cut a body into frames, beside the dialects that read them."""
