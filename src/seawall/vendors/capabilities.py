"""What a vendor can do, read from its quirks: nothing is written down twice."""

from __future__ import annotations

from msgspec import Struct

from ..ports import Quirks

__all__ = ["Capabilities", "capabilities"]


class Capabilities(Struct, frozen=True, kw_only=True):
    """``parallel_tools``: whether several tool calls at once can be allowed and forbidden.
    ``schema``, ``json_mode``: whether the vendor itself sees to the shape of an answer; where
    it does not, the shape is asked for in the instructions. ``images``: ``data`` if they must
    not be given by URL. ``prefill``: whether an answer that was begun is continued."""

    tools: str
    parallel_tools: str
    schema: str
    json_mode: str
    images: str
    prefill: str


def capabilities(quirks: Quirks) -> Capabilities:
    """Each as ``yes``, ``no`` or a word in between."""
    tools = "tools" not in quirks.unsupported
    return Capabilities(
        tools=_word(tools),
        parallel_tools=_word(tools and "parallel_tool_calls" not in quirks.unsupported),
        schema=_word("json_schema" in quirks.formats),
        json_mode=_word("json_object" in quirks.formats),
        images="data" if quirks.images == "data" else _word(bool(quirks.images)),
        prefill=_word(bool(quirks.prefill)),
    )


def _word(can: bool) -> str:
    return "yes" if can else "no"
