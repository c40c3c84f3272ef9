"""Transports: what carries an ``Outbound`` to a provider and brings an ``Inbound`` back."""
