"""What the parts of this dialect share: its name, the bag for unknown fields, ids of our own.

Source: the OpenAI API reference for responses and the types of the openai package.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ...types import Extra

__all__ = ["DIALECT", "OUR_THOUGHT", "OUTPUT", "bag", "own"]

DIALECT = "openai_responses"

#: The unknown field of an assistant's message that holds its items as they came.
OUTPUT = "output"

#: How the id of a reasoning item begins that was made of another dialect's words. No provider
#: knows it, so it is never sent to one.
OUR_THOUGHT = "rs_seawall_"


def bag(fields: Mapping[str, Any], known: Collection[str]) -> Extra:
    """The fields nobody here knows, under this dialect's name. A null says nothing."""
    unknown = {
        name: value for name, value in fields.items() if name not in known and value is not None
    }
    return {DIALECT: unknown} if unknown else {}


def own(extra: Extra) -> dict[str, Any]:
    """A copy of the unknown fields that came by this dialect."""
    return dict(extra.get(DIALECT, ()))
