"""The decision record of a call as a timeline."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct
from rich.text import Text

from ..core.decision import Attempt, Decision, Resumed
from ..sinks import Row
from .listing import outcome_style

__all__ = ["BAR", "Moment", "bar", "moments"]

#: Characters of the bar that shows when something was, and how long.
BAR = 28


class Moment(Struct, frozen=True, kw_only=True):
    """One line: ``at`` seconds since the call began, and until when, if it took time."""

    at: float
    what: str
    text: str
    style: str = ""
    until: float | None = None
    fill: str = "█"


def moments(row: Row) -> list[Moment]:
    """Everything the call did, in the order it did it."""
    decision = row.decision or Decision()
    found = list(_considered(decision))
    for attempt in decision.attempts:
        found.extend(_attempt(attempt))
    found.extend(map(_resumed, decision.resumed))
    found.sort(key=lambda moment: moment.at)
    if row.latency is not None:
        found.append(_end(row))
    return found


def _considered(decision: Decision) -> Iterator[Moment]:
    if decision.candidates:
        yield Moment(at=0.0, what="route", text=" → ".join(decision.candidates))
    for refused in decision.refused:
        text = _about(refused.model, refused.reason)
        yield Moment(at=refused.at, what="refused", text=text, style="yellow")


def _attempt(attempt: Attempt) -> Iterator[Moment]:
    at = attempt.at
    if attempt.waited:
        reason = f": {attempt.wait_reason}" if attempt.wait_reason else ""
        text = f"{attempt.waited:.3g} s{reason}"
        began = max(0.0, at - attempt.waited)
        yield Moment(at=began, what="wait", text=text, style="dim", until=at, fill="░")
    until = None if attempt.took is None else at + attempt.took
    yield Moment(at=at, what=f"attempt {attempt.n}", text=attempt.model, style="bold", until=until)
    if attempt.first_token is not None:
        yield Moment(at=at + attempt.first_token, what="", text="first token")
    if until is not None:
        yield Moment(
            at=until,
            what="",
            text=_result(attempt),
            style="green" if attempt.outcome == "finished" else "red",
        )


def _resumed(resumed: Resumed) -> Moment:
    how = "shown the text so far" if resumed.by == "prefill" else "asked anew"
    text = f"{resumed.model}, {how}, goes on at character {resumed.offset:,}"
    return Moment(at=resumed.at, what="resumed", text=text, style="green")


def _result(attempt: Attempt) -> str:
    status = f" (HTTP {attempt.status})" if attempt.status is not None else ""
    text = attempt.outcome + status
    if attempt.reason:
        text += ": " + _about("", attempt.reason, attempt.model).removesuffix(status)
    return text + (f" [{attempt.request_id}]" if attempt.request_id else "")


def _about(model: str, reason: str, known: str = "") -> str:
    """``reason`` with the model's name in front once, or not at all where it is ``known``."""
    for name in (model, known):
        reason = reason.removeprefix(f"{name}: ") if name else reason
    return f"{model}: {reason}" if model else reason


def _end(row: Row) -> Moment:
    text = row.outcome
    if row.outcome == "finished" and row.finish_reason:
        text += f": {row.finish_reason}"
    elif row.error_kind and row.error_kind != row.outcome:
        text += f": {row.error_kind}"
    return Moment(at=row.latency or 0.0, what="end", text=text, style=outcome_style(row.outcome))


def bar(moment: Moment, whole: float) -> Text:
    """Where ``moment`` lies in a call of ``whole`` seconds."""
    if moment.until is None or whole <= 0:
        return Text(" " * BAR)
    first = min(BAR - 1, int(moment.at / whole * BAR))
    last = max(first + 1, min(BAR, round(moment.until / whole * BAR)))
    style = "dim" if moment.fill == "░" else "cyan"
    return Text(" " * first + moment.fill * (last - first) + " " * (BAR - last), style=style)
