"""What the simulated provider does: a frozen value, from code or a TOML file."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path
from random import Random
from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from ..errors import ConfigError
from .answers import TEXT
from .faults import kind
from .quota import Quota
from .scene import Dose, Pace

__all__ = ["Moment", "Rule", "Script", "load_script", "parse_rule"]

Span = Annotated[float, Meta(ge=0)]


class Moment(Struct, frozen=True, kw_only=True):
    """What rules look at: the ``number`` of a chat request (the first is 1), how often its
    very question was asked before (``asked``), ``now`` in seconds since the first request, and
    since when (``model_since``) its model has been asked."""

    number: int
    now: float
    model: str
    stream: bool = False
    asked: int = 0
    model_since: float = 0.0


class Rule(Dose, frozen=True, kw_only=True, omit_defaults=True):
    """When ``fault`` happens; with no condition always. All that are given must hold.

    ``requests``: only these, counted from 1. ``every``: every so many requests. ``after`` and
    ``until``: seconds since the first request. ``chance``: 0 to 1, drawn from the script's
    seed. ``model``: its name or a pattern (``gpt-*``). ``stream``: only streamed questions, or
    only others. ``once``: a question meets it the first time, and not when it is asked again.
    The fields of ``Dose`` say how strong it is.
    """

    fault: str
    requests: tuple[int, ...] = ()
    every: Annotated[int, Meta(ge=1)] | None = None
    after: Span = 0.0
    until: Span | None = None
    chance: Annotated[float, Meta(ge=0, le=1)] = 1.0
    model: str | None = None
    stream: bool | None = None
    once: bool = False

    def __post_init__(self) -> None:
        kind(self.fault)  # raises for a name that leads nowhere

    def holds(self, moment: Moment, seed: object) -> bool:
        """Whether the fault happens to this request; always the same for the same seed."""
        return (
            (not self.requests or moment.number in self.requests)
            and (self.every is None or moment.number % self.every == 0)
            and self.after <= moment.now
            and (self.until is None or moment.now < self.until)
            and (self.model is None or fnmatchcase(moment.model, self.model))
            and (self.stream is None or self.stream == moment.stream)
            and not (self.once and moment.asked % 2)
            # Each request has dice of its own: another rule does not change what they show.
            and (self.chance >= 1 or Random(f"{seed}:{moment.number}").random() < self.chance)  # noqa: S311 - reproducible on purpose
        )


class Script(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The whole behaviour. Of several rules in ``faults`` that hold the first counts.

    ``answer`` is the text of every answer. Tool calls and JSON are made up where a request
    asks for them. ``models`` is what ``/v1/models`` lists; any other name is answered too.
    """

    answer: str = TEXT
    faults: tuple[Rule, ...] = ()
    quota: Quota = Quota()
    pace: Pace = Pace()
    models: tuple[str, ...] = ("sim",)
    seed: int = 0

    def choose(self, moment: Moment) -> Rule | None:
        """The fault that happens at this moment: the one the model's name asks for, else the
        first whose rule holds."""
        named = NAMED.fullmatch(moment.model)
        if named is not None:
            rule = _named(named)
            since = replace(moment, now=moment.now - moment.model_since)
            return rule if rule.holds(since, self.seed) else None
        for place, rule in enumerate(self.faults):
            if rule.holds(moment, f"{self.seed}:{place}"):
                return rule
        return None


#: ``fault/cut``, ``fault/500-once``, ``fault/503-for-10s``.
NAMED = re.compile(r"fault/(?P<fault>.+?)(?P<once>-once)?(-for-(?P<seconds>\d+(\.\d+)?)s)?")


def _named(asked: re.Match[str]) -> Rule:
    """The rule a model's name stands for. Raises ``ConfigError`` for a fault nobody knows."""
    seconds = asked["seconds"]
    return Rule(
        fault=asked["fault"],
        once=asked["once"] is not None,
        until=None if seconds is None else float(seconds),
    )


def load_script(path: str | Path) -> Script:
    """The script in a TOML file. Raises ``ConfigError`` that names the file and what is wrong."""
    try:
        return msgspec.toml.decode(Path(path).read_bytes(), type=Script)
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", source=str(path)) from None
    except (ConfigError, ValueError) as error:
        raise ConfigError(str(error), source=str(path)) from None


def parse_rule(text: str) -> Rule:
    """A rule on one line: ``cut``, ``429:requests=1+3,retry_after=2``, ``500:chance=0.1``.
    Raises ``ConfigError``."""
    name, _, conditions = text.partition(":")
    given: dict[str, object] = {"fault": name}
    for condition in filter(None, conditions.split(",")):
        field, equals, value = condition.partition("=")
        if not equals:
            raise ConfigError(f"{condition!r} in {text!r} is no condition; write field=value")
        given[field] = value.split("+") if field == "requests" else value
    try:
        return msgspec.convert(given, Rule, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{text!r}: {error}") from None
