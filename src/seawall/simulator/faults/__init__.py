"""Everything the simulator can do wrong: ``KINDS`` is the table."""

from .table import KINDS, Kind, Leaves, kind

__all__ = ["KINDS", "Kind", "Leaves", "kind"]
