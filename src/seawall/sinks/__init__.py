"""Sinks: where the record of a call goes."""
