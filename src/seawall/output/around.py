"""What stands round the JSON in a reply."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

__all__ = ["UNFENCED", "left_out", "loose_bracket"]

UNFENCED = "a code fence removed"
_FENCE = re.compile(r"(?:`{3,}+|~{3,}+)[ \t]*+[A-Za-z]*+")
_BRACKET = re.compile(r"[\[{}\]]")
_PARTNER = {"}": "{", "]": "["}


def left_out(text: str, start: int, spans: Sequence[tuple[int, int]]) -> list[str]:
    """What was left out round ``spans``, in plain words. ``start``: where the answer begins."""
    repairs: list[str] = []
    if text.startswith("\ufeff"):
        repairs.append("a byte order mark removed")
    if start:
        repairs.append("the model's reasoning left out")
    around = f"{text[start : spans[0][0]]}\n{text[spans[-1][1] :]}"
    gaps = (text[left[1] : right[0]] for left, right in pairwise(spans))
    around += "\n".join(gap.strip(", \t\r\n") for gap in gaps)
    if _FENCE.search(around):
        repairs.append(UNFENCED)
    if _FENCE.sub("", around).strip("\ufeff \t\r\n"):
        repairs.append("JSON taken out of surrounding prose")
    return repairs


def loose_bracket(
    text: str,
    start: int,
    span: tuple[int, int],
    pieces: Iterable[tuple[int, int]],
    *,
    fenced: bool,
    paired: bool,
) -> int | None:
    """Where round ``span`` a bracket has no partner, so that what stands in ``span`` may be a
    part of something broken; ``None`` if nowhere. ``pieces``: every complete value, in order.
    ``paired``: whether brackets that have partners are no reason to doubt."""
    end = len(text)
    if fenced:
        marks = [mark.span() for mark in _FENCE.finditer(text, start)]
        start = max((after for _, after in marks if after <= span[0]), default=start)
        end = min((before for before, _ in marks if before >= span[1]), default=end)
    opened: list[int] = []
    for before, after in (*pieces, (end, end)):
        for found in _BRACKET.finditer(text, start, min(before, end)):
            partner = _PARTNER.get(found.group())
            if not paired:
                return found.start()
            if partner is None:
                opened.append(found.start())
            elif not opened or text[opened.pop()] != partner:
                return found.start()
        start = max(start, after)
    return opened[0] if opened else None
