"""Damage with more than one conceivable reading: json_repair proposes, ``faithful`` judges."""

from __future__ import annotations

import json
import re

import json_repair
from msgspec.structs import replace

from .decode import decode
from .faithful import Unfaithful, spell
from .reader import Reading

__all__ = ["MAX_LENGTH", "mend"]

#: The library looks far ahead at each damage, so its time can grow with the square of the length
#: and worse. It sees short pieces with little damage only.
MAX_LENGTH = 4096
_MAX_DEPTH, _MAX_UNEVEN, _MAX_ODD = 32, 3, 8
_FENCE = re.compile(r"```|~~~")
_BRACKET = re.compile(r"[\[{}\]]")
_TOKEN = re.compile(
    r"""(?P<value>"(?:[^"\\]++|\\.)*"|'(?:[^'\\]++|\\.)*'|[^\s,:\[\]{}"']++|["'])"""
    r"|(?P<open>[\[{])|(?P<close>[\]}])|(?P<comma>,)|(?P<colon>:)",
    re.DOTALL,
)
_ODD = {
    ("value", "value"),
    ("value", "open"),
    ("close", "value"),
    ("close", "open"),
    ("close", "colon"),
    ("colon", "close"),
    ("colon", "comma"),
    ("colon", "colon"),
    ("comma", "comma"),
    ("comma", "colon"),
    ("open", "comma"),
    ("open", "colon"),
}


def mend(text: str, broken: Reading) -> Reading:
    """Read on where ``broken`` stopped, if there is one faithful way; else ``broken`` with what
    stands against it."""
    ends = _ends(text, broken)
    if text[broken.end : broken.end + 1] == "\\":
        unescaped = [_unescape(text, broken, end) for end in ends]
        return next((reading for reading in unescaped if reading), broken)
    result = broken
    for end in ends:
        if end - broken.start <= MAX_LENGTH and _little_damaged(text[broken.start : end]):
            result = _propose(text, broken, end)
        if result.state == "complete":
            break
    return result


def _ends(text: str, broken: Reading) -> list[int]:
    """Where the piece may end: where its brackets are even, and at the last bracket before a
    fence."""
    fence = _FENCE.search(text, broken.end)
    depth, even, last = 0, 0, 0
    for found in _BRACKET.finditer(text, broken.start, fence.start() if fence else len(text)):
        depth += 1 if found.group() in "{[" else -1
        last = found.end()
        if depth == 0 and not even and last > broken.end:
            even = last
    return [end for end in dict.fromkeys((even, last)) if end > broken.end]


def _little_damaged(text: str) -> bool:
    """Whether ``text`` is nearly JSON: few brackets without a partner, few pieces that cannot
    stand side by side."""
    opened: list[str] = []
    uneven = odd = 0
    before = "open"
    for found in _TOKEN.finditer(text):
        kind = found.lastgroup or ""
        odd += (before, kind) in _ODD
        before = kind
        if kind == "open":
            opened.append("}" if found.group() == "{" else "]")
        elif kind == "close":
            if opened and opened[-1] == found.group():
                opened.pop()
            else:
                uneven += 1
        if len(opened) > _MAX_DEPTH or uneven > _MAX_UNEVEN or odd > _MAX_ODD:
            return False
    return True


def _propose(text: str, broken: Reading, end: int) -> Reading:
    try:
        proposal = json_repair.loads(text[broken.start : end], skip_json_loads=True)
        spelled, notes, stop = spell(text[:end], broken.start, proposal)
    except Unfaithful as why:
        problem = f"{broken.problem}; no single reading: {why}"
        return replace(broken, end=why.position, problem=problem)
    except Exception as error:  # its heuristics may fail in any way, and each means no
        return replace(broken, problem=f"{broken.problem} ({type(error).__name__})")
    return Reading(
        start=broken.start, end=stop, state="complete", json=spelled, repairs=notes, solid=True
    )


def _unescape(text: str, broken: Reading, end: int) -> Reading | None:
    """JSON written as the inside of a string: ``{\\"a\\": 1}``."""
    try:
        inner = json.loads(f'"{text[broken.start : end]}"', strict=False)
        decode(inner)
    except ValueError:
        return None
    return Reading(
        start=broken.start,
        end=end,
        state="complete",
        json=inner,
        repairs=("JSON escaped as if it stood in a string unescaped",),
        solid=True,
    )
