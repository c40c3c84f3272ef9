"""What an answer can be asked to be, one kind a module; each is imported when it is first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .json_schema import SchemaLoader
    from .pydantic_types import PydanticLoader
    from .typed import TypedLoader
    from .validator import Target

__all__ = ["PydanticLoader", "SchemaLoader", "Target", "TypedLoader"]

_WHERE = {
    "PydanticLoader": ".pydantic_types",
    "SchemaLoader": ".json_schema",
    "Target": ".validator",
    "TypedLoader": ".typed",
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_WHERE[name], __name__), name)
