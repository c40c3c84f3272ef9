"""Log probabilities, both ways, in the words of chat completions as everywhere here:
``{"content": [{"token", "logprob", "bytes", "top_logprobs": [...]}]}``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any, cast

from ..json_values import as_list, as_object

__all__ = ["read_logprobs", "write_logprobs"]


def read_logprobs(raw: Any) -> dict[str, Any] | None:
    """From ``logprobsResult``. Raises ``ValueError`` for what is none."""
    if raw is None:
        return None
    result = as_object(raw, "logprobsResult")
    chosen = as_list(result.get("chosenCandidates"), "chosenCandidates")
    tops = as_list(result.get("topCandidates"), "topCandidates")
    if not chosen:
        return None
    return {"content": [_step(one, top) for one, top in zip_longest(chosen, tops[: len(chosen)])]}


def _step(chosen: Any, top: Any) -> dict[str, Any]:
    others = as_object({} if top is None else top, "topCandidates[]").get("candidates")
    told = [_token(other) for other in as_list(others, "topCandidates[].candidates")]
    return _token(chosen) | {"top_logprobs": told}


def _token(raw: Any) -> dict[str, Any]:
    fields = as_object(raw, "a token")
    token, logprob = fields.get("token", ""), fields.get("logProbability", 0.0)
    if not isinstance(token, str) or not isinstance(logprob, (int, float)):
        raise ValueError("a token of logprobsResult has no text or no logProbability")
    wire = {"token": token, "logprob": logprob, "bytes": list(token.encode())}
    return wire if fields.get("tokenId") is None else wire | {"token_id": fields["tokenId"]}


def write_logprobs(logprobs: Mapping[str, Any]) -> dict[str, Any]:
    """What another provider says in other words is passed over."""
    content = logprobs.get("content")
    steps = [
        cast("dict[str, Any]", step)
        for step in cast("Sequence[Any]", content if isinstance(content, list) else ())
        if isinstance(step, dict)
    ]
    return {
        "chosenCandidates": [_candidate(step) for step in steps],
        "topCandidates": [
            {"candidates": [_candidate(other) for other in step.get("top_logprobs") or ()]}
            for step in steps
        ],
    }


def _candidate(step: Mapping[str, Any]) -> dict[str, Any]:
    wire = {"token": step.get("token"), "logProbability": step.get("logprob")}
    return wire if step.get("token_id") is None else wire | {"tokenId": step["token_id"]}
