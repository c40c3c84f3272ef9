"""Sinks: where the record of a call goes."""

from .content import conceal
from .importer import Importer, ImporterStatus
from .journal import Journal
from .ledger import Ledger
from .paths import default_dir
from .retention import Retention
from .rows import Row, Total, Where

__all__ = [
    "Importer",
    "ImporterStatus",
    "Journal",
    "Ledger",
    "Retention",
    "Row",
    "Total",
    "Where",
    "conceal",
    "default_dir",
]
