"""Judging a client by what its provider saw: pure functions over the log.

A server sees when it is asked, what, and how often; it sees what it sent, but not what became
of it. So a charge is brought only where the requests prove it: a question asked again is one
whose path, body and key are the same.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import groupby
from typing import Literal

from msgspec import Struct

from .log import KEPT, Seen, identity

__all__ = ["Charge", "Conduct", "Offence", "Verdict", "judge"]

Offence = Literal[
    "hammering",
    "retried the hopeless",
    "ignored Retry-After",
    "retried too often",
    "accepted a truncated answer",
]


class Conduct(Struct, frozen=True, kw_only=True):
    """What is allowed. Times are seconds of the client's time.

    A question asked again within ``window`` of its failure counts as a retry. ``attempts``:
    how often it may be asked in all. ``pause``: retries sooner than that, ``hasty`` in a row,
    are hammering, and so are more than ``storm`` retries in ten seconds that outnumber the
    questions. ``early``: how much too early a client may be back.
    """

    window: float = 60.0
    attempts: int = 6
    pause: float = 0.1
    hasty: int = 3
    storm: int = 20
    early: float = 0.05


class Charge(Struct, frozen=True):
    """One offence, what happened, and the numbers of the requests that prove it."""

    offence: Offence
    what: str
    requests: tuple[int, ...] = ()

    def __str__(self) -> str:
        numbers = ", ".join(f"#{number}" for number in self.requests[:8])
        more = f" and {len(self.requests) - 8} more" if len(self.requests) > 8 else ""
        return f"{self.offence}: {self.what}" + (f" ({numbers}{more})" if numbers else "")


class Verdict(Struct, frozen=True):
    """``charges``, the gravest first. ``good`` when there are none."""

    charges: tuple[Charge, ...]
    requests: int
    failed: int

    @property
    def good(self) -> bool:
        return not self.charges

    def __str__(self) -> str:
        plural = "" if self.requests == 1 else "s"
        seen = f"{self.requests} request{plural}, {self.failed} failed"
        if self.good:
            return f"good conduct: {seen}"
        return "\n".join([f"bad conduct: {seen}", *(f"- {charge}" for charge in self.charges)])


class _Retry(Struct, frozen=True):
    """A question that was not answered (``first``), and was asked ``again``."""

    first: Seen
    again: Seen

    @property
    def pause(self) -> float:
        """Seconds between the failure and the new asking."""
        assert self.first.ended is not None
        return self.again.at - self.first.ended


Chain = list[_Retry]
"""The retries of one call, as far as a server can tell."""


def judge(
    seen: Sequence[Seen], claims: Sequence[str] = (), conduct: Conduct | None = None
) -> Verdict:
    """What ``seen`` (oldest first) and the answers the client took for whole say of it."""
    rules = conduct or Conduct()
    chains = _chains(seen, rules)
    charges = [
        *_truncated(seen, claims),
        *_hopeless(chains),
        *_early(chains, rules),
        *_hasty(chains, rules),
        *_storm(seen, chains, rules),
        *_too_often(chains, rules),
    ]
    return Verdict(tuple(charges), len(seen), sum(one.failed for one in seen))


def _chains(seen: Sequence[Seen], rules: Conduct) -> list[Chain]:
    """Each request that asks again what had failed, joined to the failure that has waited
    longest: many may ask the same at the same time, and each gets the benefit of the doubt."""
    chains: list[Chain] = []
    waiting: defaultdict[str, list[tuple[Seen, Chain]]] = defaultdict(list)
    for one in seen:
        before = waiting[one.question]
        ready = [pair for pair in before if _asks_again(one, pair[0], rules)]
        chain: Chain = []
        if ready:
            first = min(ready, key=lambda pair: pair[0].ended or 0.0)
            before.remove(first)
            chain = first[1]
            chain.append(_Retry(first[0], one))
        else:
            chains.append(chain)
        before.append((one, chain))
    return [chain for chain in chains if chain]


def _asks_again(one: Seen, first: Seen, rules: Conduct) -> bool:
    """Whether ``one``, the same question, may be a retry of ``first``."""
    if first.how in ("open", "answered") or first.ended is None:
        return False
    return first.ended <= one.at <= first.ended + rules.window


def _truncated(seen: Sequence[Seen], claims: Sequence[str]) -> Iterator[Charge]:
    for one in seen:
        if one.builds_on is not None:
            what = "a later question holds it as if it were the assistant's whole answer"
            yield Charge("accepted a truncated answer", what, (one.builds_on, one.number))
    whole = {one.digest for one in seen if one.how == "answered"}
    parts = [one for one in seen if one.leaves == "part" and one.status == 200]
    for claim in claims:
        cut = [one.number for one in parts if one.text.startswith(claim[:KEPT])]
        if cut and identity(claim) not in whole:
            what = f"{claim[:40]!r} was given out as a whole answer"
            yield Charge("accepted a truncated answer", what, (cut[-1],))


def _hopeless(chains: Iterable[Chain]) -> Iterator[Charge]:
    wrong = [retry for chain in chains for retry in chain if retry.first.final]
    if wrong:
        statuses = ", ".join(sorted({str(retry.first.status) for retry in wrong}))
        what = f"asked again after {statuses}, which no retry cures"
        yield Charge("retried the hopeless", what, _evidence(wrong))


def _early(chains: Iterable[Chain], rules: Conduct) -> Iterator[Charge]:
    early = [
        retry
        for chain in chains
        for retry in chain
        if retry.first.wait is not None and retry.pause < retry.first.wait - rules.early
    ]
    if early:
        worst = min(early, key=lambda retry: retry.pause - (retry.first.wait or 0.0))
        what = f"back after {worst.pause:.2f} s when told to wait {worst.first.wait:.2f} s"
        yield Charge("ignored Retry-After", what, _evidence(early))


def _hasty(chains: Iterable[Chain], rules: Conduct) -> Iterator[Charge]:
    """Backoff with full jitter may draw a pause near zero; not several in a row."""
    for chain in chains:
        for hasty, row in groupby(chain, partial(_is_hasty, rules)):
            retries = list(row)
            if hasty and len(retries) >= rules.hasty:
                took = retries[-1].again.at - retries[0].first.at
                count = len(retries) + 1
                what = f"the same question {count} times in {took:.2f} s, without backoff"
                yield Charge("hammering", what, _evidence(retries))


def _is_hasty(rules: Conduct, retry: _Retry) -> bool:
    return retry.first.wait is None and retry.pause < rules.pause


_STORM = 10.0


def _storm(seen: Sequence[Seen], chains: Iterable[Chain], rules: Conduct) -> Iterator[Charge]:
    """More retries than questions: what keeps a provider down that tries to come back."""
    retries = sorted((retry.again.at, retry.again.number) for chain in chains for retry in chain)
    asked = [one.at for one in seen]
    start = 0
    for end, (at, _) in enumerate(retries):
        while retries[start][0] < at - _STORM:
            start += 1
        count = end - start + 1
        if count <= rules.storm:
            continue
        questions = bisect_right(asked, at) - bisect_left(asked, at - _STORM) - count
        if count > questions:
            what = f"{count} retries to {questions} questions within {_STORM:g} s"
            numbers = tuple(number for _, number in retries[start : end + 1])
            yield Charge("hammering", what, numbers)
            return


def _too_often(chains: Iterable[Chain], rules: Conduct) -> Iterator[Charge]:
    for chain in chains:
        if len(chain) + 1 > rules.attempts:
            what = f"the same question {len(chain) + 1} times"
            yield Charge("retried too often", what, _evidence(chain))


def _evidence(retries: Iterable[_Retry]) -> tuple[int, ...]:
    numbers = {number for retry in retries for number in (retry.first.number, retry.again.number)}
    return tuple(sorted(numbers))
