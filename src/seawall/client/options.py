"""What a call or a client may be told, and how the tellings add up."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypedDict, TypeVar, cast

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ..core import ATTEMPTS_HEADER, DEADLINE_HEADER
from ..errors import ConfigError
from ..layers.breaker import Breaker
from ..layers.bridges.pybreaker import breaker_by
from ..layers.bridges.tenacity import retry_by, take_apart
from ..layers.recovery import MODES, Recovery
from ..layers.retry import Retry
from ..ports import Timeouts
from .settings import ModelSettings, Policies, check_deadline

__all__ = ["CallPolicies", "Options", "check", "decide", "decides", "inherited"]


class Options(TypedDict, total=False):
    """Keywords of ``chat``, ``stream`` and ``with_options``.

    ``model``: ``vendor/model``, an alias, or several to be tried in order. ``output``: a type or
    JSON Schema the answer must meet. ``deadline``: ``Timeouts``, a mapping of its fields, or
    seconds for the whole call. ``retry``, ``breaker``: the policy, a mapping of its fields, or
    ``False``. ``recovery``: what becomes of a stream that breaks off. ``inherited``: headers of
    the request being served, whose remaining attempts and deadline then bound this call. The
    rest are the request's own parameters.

    ``retry`` may be a tenacity wait, stop or ``Retrying`` too, or a dict with ``wait`` or ``stop``;
    ``breaker`` a ``pybreaker.CircuitBreaker``.
    """

    model: str | Sequence[str]
    output: Any
    reasks: int
    feature: str
    tags: Mapping[str, Any]
    prompt: str
    prompt_version: str
    deadline: Timeouts | Mapping[str, Any] | float
    retry: Retry | Mapping[str, Any] | Literal[False] | Callable[..., Any]
    breaker: Breaker | Mapping[str, Any] | Literal[False] | Callable[..., Any]
    fallback_reply: str | None
    recovery: Recovery
    inherited: Mapping[str, str]
    system: str
    tools: Sequence[Any]
    tool_choice: Any
    response_format: Any
    parallel_tool_calls: bool
    temperature: float
    top_p: float
    max_tokens: int
    stop: str | Sequence[str]
    seed: int
    n: int
    presence_penalty: float
    frequency_penalty: float
    logprobs: bool
    top_logprobs: int
    reasoning_effort: str
    user: str
    extra: Mapping[str, Mapping[str, Any]]


_KNOWN = frozenset(Options.__annotations__)
#: What other libraries call some of them.
_ELSEWHERE = {
    "fallbacks": ["model"],
    "max_retries": ["retry"],
    "metadata": ["tags"],
    "timeout": ["deadline"],
}
_POLICIES = ("retry", "breaker", "deadline", "fallback_reply", "reasks", "recovery")


def check(options: Mapping[str, Any]) -> None:
    """Raises ``TypeError`` for a keyword nobody knows, naming the one that was meant."""
    for name in options:
        if name == "stream":
            raise TypeError("there is no option 'stream'; call stream() in the place of chat()")
        if name not in _KNOWN:
            near = _ELSEWHERE.get(name) or difflib.get_close_matches(name, _KNOWN, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise TypeError(
                f"there is no option {name!r}{hint} (a vendor's own parameter goes into "
                f"extra={{'openai_chat': {{{name!r}: ...}}}})"
            )


class CallPolicies(Struct, frozen=True):
    """The policies of one call, all sources considered."""

    retry: Retry | None
    breaker: Breaker | None
    deadline: Timeouts
    fallback_reply: str | None
    reasks: int
    recovery: Recovery


def decides(options: Mapping[str, Any]) -> bool:
    """Whether the call itself says anything about policies."""
    return any(name in options for name in _POLICIES)


def decide(defaults: Policies, model: ModelSettings, options: Mapping[str, Any]) -> CallPolicies:
    """The call's own words go before the model's settings, those before the defaults."""
    retry = defaults.retry if model.retry is None else model.retry
    breaker = defaults.breaker if model.breaker is None else model.breaker
    deadline = model.deadline or defaults.deadline
    reply = model.fallback_reply or defaults.fallback_reply
    reasks = defaults.reasks if model.reasks is None else model.reasks
    if "retry" in options:
        wait, stop, rest = take_apart(options["retry"])
        retry = retry_by(_policy(rest, retry or Retry(), "retry"), wait, stop)
    if "breaker" in options:
        given = breaker_by(options["breaker"], breaker or None)
        breaker = _policy(given, breaker or Breaker(), "breaker")
    if "deadline" in options:
        given = options["deadline"]
        if isinstance(given, (int, float)) and not isinstance(given, bool):
            given = {"total": float(given)}
        deadline = _policy(given, deadline, "deadline") or Timeouts(
            connect=None, first_byte=None, first_token=None, idle=None, total=None
        )
        try:
            check_deadline(deadline)
        except ValueError as error:
            raise ConfigError(str(error)) from None
    return CallPolicies(
        retry=retry or None,
        breaker=breaker or None,
        deadline=deadline,
        fallback_reply=_fallback_reply(options.get("fallback_reply", reply)),
        reasks=_reasks(options.get("reasks", reasks)),
        recovery=_recovery(options.get("recovery", model.recovery or defaults.recovery)),
    )


def _fallback_reply(given: Any) -> str | None:
    if given is not None and not isinstance(given, str):
        raise ConfigError(f"fallback_reply is {given!r}; give text, or None for none")
    return given


def _reasks(given: Any) -> int:
    if type(given) is not int or given < 0:
        raise ConfigError(
            f"reasks is {given!r}", remedy="Say how often a wrong answer is asked again, 0 or more."
        )
    return given


def _recovery(given: Any) -> Recovery:
    if given not in MODES:
        raise ConfigError(f"recovery is {given!r}", remedy=f"Choose {' or '.join(MODES)}.")
    return given


P = TypeVar("P", bound=Struct)


def _policy(given: Any, before: P, name: str) -> P | None:
    """``given`` as a policy: itself, changes to the one ``before``, or ``None`` for off."""
    if given is False or given is None:
        return None
    if isinstance(given, type(before)):
        return given
    if not isinstance(given, Mapping):
        wanted = type(before).__name__
        raise ConfigError(f"{name} is {given!r}; give a {wanted}, a dict of its fields, or False")
    changes = cast("Mapping[str, Any]", given)
    known = before.__struct_fields__
    for field in changes:
        if field not in known:
            raise ConfigError(f"{name} has no {field!r}", remedy=f"Known: {', '.join(known)}.")
    try:
        return msgspec.convert({**msgspec.structs.asdict(before), **changes}, type(before))
    except msgspec.ValidationError as error:
        raise ConfigError(f"{name}: {error}") from None


def inherited(headers: Any, deadline: Timeouts) -> tuple[int | None, Timeouts]:
    """Attempts and deadline that the request being served leaves us. Headers that are no
    numbers say nothing."""
    if not isinstance(headers, Mapping):
        raise ConfigError(f"inherited is {headers!r}; give the headers of the request as a mapping")
    given = cast("Mapping[str, str]", headers)
    folded = {name.lower(): value for name, value in given.items()}
    attempts = _count(folded.get(ATTEMPTS_HEADER))
    millis = _count(folded.get(DEADLINE_HEADER))
    if millis is not None:
        left = millis / 1000
        total = left if deadline.total is None else min(left, deadline.total)
        deadline = replace(deadline, total=total)
    return (None if attempts is None else max(1, attempts)), deadline


def _count(text: str | None) -> int | None:
    # A stranger writes these headers: a number of a thousand digits is none.
    if text is None or len(text) > 12 or not (text.isascii() and text.isdigit()):
        return None
    return int(text)
