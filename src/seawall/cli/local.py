"""``seawall local``: the weights of the embedded models."""

from __future__ import annotations
