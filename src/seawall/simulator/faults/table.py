"""The faults by name: the one table that scripts, model names, ``seawall sim --list`` and the
documentation share."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Literal

from msgspec import Struct

from ...errors import ConfigError
from ...server import Break
from ..scene import Dose, Play
from . import contents, lines, refusals
from .refusals import refuse

__all__ = ["KINDS", "Kind", "Leaves", "kind"]

Leaves = Literal["whole", "part", "nothing"]


class Kind(Struct, frozen=True, kw_only=True):
    """One way to fail.

    ``leaves``: how much of the answer a client can have of it. ``streamed``, ``whole``: which
    answers it can befall; others stay as they are. ``final``: no asking again can help.
    ``calls``: how many tool calls there must be. ``marked``: only streams with an end mark.
    """

    name: str
    about: str
    play: Play
    dose: Dose = Dose()
    leaves: Leaves = "nothing"
    streamed: bool = True
    whole: bool = True
    final: bool = False
    calls: int = 1
    marked: bool = False


def _named(kinds: Iterable[Kind]) -> Mapping[str, Kind]:
    return {kind.name: kind for kind in kinds}


_HALF = Dose(at=0.5)

KINDS: Mapping[str, Kind] = _named(
    (
        Kind(
            name="429",
            about="rate limit, Retry-After in whole seconds",
            play=refuse("limit", "seconds"),
            dose=Dose(retry_after=1),
        ),
        Kind(
            name="429-float",
            about="rate limit, Retry-After with a fraction",
            play=refuse("limit", "float"),
            dose=Dose(retry_after=0.5),
        ),
        Kind(
            name="429-date",
            about="rate limit, Retry-After as an HTTP date",
            play=refuse("limit", "date"),
            dose=Dose(retry_after=1),
        ),
        Kind(
            name="429-ms",
            about="rate limit, retry-after-ms",
            play=refuse("limit", "ms"),
            dose=Dose(retry_after=0.25),
        ),
        Kind(
            name="429-bare",
            about="rate limit, no word on when to come back",
            play=refuse("limit"),
        ),
        Kind(
            name="429-quota",
            about="no credit left: waiting does not help",
            play=refuse("credit"),
            final=True,
        ),
        Kind(name="500", about="server error", play=refuse("failed")),
        Kind(
            name="502",
            about="a proxy's page instead of the provider",
            play=refusals.unavailable(502, "502 Bad Gateway"),
        ),
        Kind(
            name="503",
            about="overloaded; Retry-After if the script gives one",
            play=refuse("unavailable", "seconds"),
        ),
        Kind(
            name="504",
            about="a proxy's page: the provider took too long",
            play=refusals.unavailable(504, "504 Gateway Time-out"),
        ),
        Kind(
            name="529",
            about="overloaded, in a status of its own",
            play=refuse("overloaded"),
        ),
        Kind(
            name="408",
            about="the provider waited too long for the request",
            play=refuse("late"),
        ),
        Kind(
            name="409",
            about="locked by another request",
            play=refuse("locked"),
        ),
        Kind(
            name="400",
            about="the request is invalid",
            play=refuse("invalid"),
            final=True,
        ),
        Kind(
            name="401",
            about="the key is wrong",
            play=refuse("key"),
            final=True,
        ),
        Kind(
            name="403",
            about="the key may not do this",
            play=refuse("forbidden"),
            final=True,
        ),
        Kind(
            name="404",
            about="no such model",
            play=refuse("model"),
            final=True,
        ),
        Kind(
            name="422",
            about="the request cannot be processed",
            play=refuse("unprocessable"),
            final=True,
        ),
        Kind(
            name="context-length",
            about="400: the question does not fit the model's context",
            play=refuse("too_long"),
            final=True,
        ),
        Kind(
            name="content-filter",
            about="a safety system refuses the question",
            play=refuse("unsafe"),
            final=True,
        ),
        Kind(name="reset", about="the connection is reset before any reply", play=lines.reset),
        Kind(name="silent", about="no reply, ever", play=lines.silent),
        Kind(
            name="slow-start",
            about="the first token comes late",
            play=lines.slow_start,
            dose=Dose(seconds=5),
            leaves="whole",
        ),
        Kind(
            name="drip",
            about="a few bytes at a time",
            play=lines.drip,
            dose=Dose(seconds=0.01, size=8),
            leaves="whole",
        ),
        Kind(
            name="cut",
            about="the connection is closed in the middle of the answer",
            play=lines.cut(Break.CLOSE),
            dose=_HALF,
            leaves="part",
        ),
        Kind(
            name="cut-reset",
            about="the connection is reset in the middle of the answer",
            play=lines.cut(Break.RESET),
            dose=_HALF,
            leaves="part",
        ),
        Kind(
            name="cut-clean",
            about="half of the answer, and then HTTP ends as it should",
            play=lines.cut_clean,
            dose=_HALF,
            leaves="part",
        ),
        Kind(
            name="stall",
            about="half of the answer, then silence",
            play=lines.stall,
            dose=_HALF,
            leaves="part",
        ),
        Kind(
            name="malformed-event",
            about="an unreadable event between the others; none is lost",
            play=contents.extra_event,
            dose=_HALF,
            leaves="whole",
            whole=False,
        ),
        Kind(
            name="garbled-event",
            about="one event of the answer is unreadable, its piece lost",
            play=contents.garbled_event,
            dose=_HALF,
            leaves="part",
            whole=False,
        ),
        Kind(
            name="error-event",
            about="an error in the middle of the stream, or with status 200",
            play=contents.error_event,
            dose=_HALF,
            leaves="part",
        ),
        Kind(
            name="no-done",
            about="a whole stream without its end mark",
            play=contents.no_mark,
            leaves="whole",
            whole=False,
            marked=True,
        ),
        Kind(
            name="no-finish",
            about="it ends as it should, but with no finish reason",
            play=contents.no_finish,
            leaves="part",
            whole=False,
        ),
        Kind(
            name="truncated-json",
            about="the JSON breaks off, and HTTP says that this is all",
            play=contents.truncated_json,
            dose=_HALF,
            leaves="part",
        ),
        Kind(name="html", about="an HTML page with status 200", play=refusals.html),
        Kind(name="empty", about="status 200 and nothing else", play=refusals.empty),
        Kind(name="bad-utf8", about="a byte that is no UTF-8", play=contents.bad_utf8),
        Kind(
            name="split-utf8",
            about="pieces that end inside code points; a whole answer",
            play=contents.split_utf8,
            leaves="whole",
        ),
        Kind(
            name="duplicate-tool-ids",
            about="two tool calls with one id",
            play=contents.duplicate_ids,
            leaves="whole",
            calls=2,
        ),
        Kind(
            name="missing-tool-ids",
            about="two tool calls without ids",
            play=contents.missing_ids,
            leaves="whole",
            calls=2,
        ),
        Kind(
            name="huge-body",
            about="an answer of 70 MB",
            play=contents.huge_body,
            dose=Dose(size=70_000_000, at=0.5),
            leaves="whole",
        ),
        Kind(
            name="huge-event",
            about="one event of 17 MB",
            play=contents.huge_event,
            dose=Dose(size=17_000_000, at=0.5),
            leaves="whole",
            whole=False,
        ),
    )
)


def kind(name: str) -> Kind:
    """Raises ``ConfigError`` for a name that is not in the table."""
    found = KINDS.get(name)
    if found is None:
        near = difflib.get_close_matches(name, KINDS, 1)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        raise ConfigError(f"there is no fault {name!r}", remedy=f"{hint}Known: {', '.join(KINDS)}.")
    return found
