"""LiteLLM's retries, timeouts and cooldowns as policies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...ports import Timeouts
from .deployments import Deployment, Limits
from .section import Section

__all__ = ["alias_policies", "default_policies"]

_TOTAL = Timeouts().total or 0.0


def default_policies(settings: Section, router: Section) -> dict[str, Any]:
    """``[defaults]`` of what both sections say; the router's word goes first, as in LiteLLM."""
    timeout = _first(router, "timeout", settings, "request_timeout")
    stream = _first(router, "stream_timeout", settings, "stream_timeout")
    retries = _first(router, "num_retries", settings, "num_retries")
    limits = Limits(timeout, stream, None if retries is None else int(retries))
    return {**_policies(limits), **_breaker(settings, router)}


def alias_policies(group: Sequence[Deployment]) -> dict[str, Any]:
    """What an alias has of its own: of its deployments' limits, the most generous."""
    return _policies(Limits(*(_most(group, field) for field in Limits.__struct_fields__)))


def _most(group: Sequence[Deployment], field: str) -> Any:
    given = (getattr(one.limits, field) for one in group)
    return max((value for value in given if value is not None), default=None)


def _policies(limits: Limits) -> dict[str, Any]:
    policies: dict[str, Any] = {}
    if limits.retries is not None:
        policies["retry"] = {"attempts": limits.retries + 1}
    deadline = _deadline(limits)
    return {**policies, "deadline": deadline} if deadline else policies


def _deadline(limits: Limits) -> dict[str, float]:
    """LiteLLM's timeout is one attempt's. Here ``total`` is the whole call's, so it only grows."""
    deadline: dict[str, float] = {}
    timeout, stream = limits.timeout or None, limits.stream_timeout or None
    if timeout is not None:
        deadline = {"first_byte": timeout, "first_token": timeout, "idle": timeout}
        if timeout > _TOTAL:
            deadline["total"] = timeout
    if stream is not None:
        deadline["first_token"] = stream
    return deadline


def _breaker(settings: Section, router: Section) -> dict[str, Any]:
    """LiteLLM leaves a deployment alone that failed more than ``allowed_fails`` times in a minute,
    whatever the share of its calls."""
    fails = _first(router, "allowed_fails", settings, "allowed_fails")
    cooldown = _first(router, "cooldown_time", settings, "cooldown_time")
    if router.flag("disable_cooldowns"):
        return {"breaker": False}
    breaker: dict[str, float] = {}
    if fails is not None:
        breaker = {"failures": int(fails) + 1, "window": 60, "ratio": 0}
    if cooldown:
        breaker["cooldown"] = cooldown
    return {"breaker": breaker} if breaker else {}


def _first(one: Section, key: str, other: Section, other_key: str) -> float | None:
    first, second = one.number(key), other.number(other_key)
    return second if first is None else first
