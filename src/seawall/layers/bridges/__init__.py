"""Policies a caller brings along from other libraries, none of which is imported here."""
