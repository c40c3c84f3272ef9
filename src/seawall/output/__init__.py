"""Output: from a model's text to a value the caller can use.

Names are imported when they are first used: reading JSON strictly needs neither the repair
library nor the schema compiler.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .extract import Extracted, extract_json
    from .feedback import instructions, reask
    from .spec import target
    from .strict import strict_schema

__all__ = [
    "Extracted",
    "extract_json",
    "instructions",
    "reask",
    "strict_schema",
    "target",
]

_WHERE = {
    "Extracted": ".extract",
    "extract_json": ".extract",
    "instructions": ".feedback",
    "reask": ".feedback",
    "strict_schema": ".strict",
    "target": ".spec",
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_WHERE[name], __name__), name)
    globals()[name] = value
    return value
