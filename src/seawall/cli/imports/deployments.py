"""One entry of LiteLLM's ``model_list``: where it is, how it is asked, what it costs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from msgspec import Struct

from .notices import Notices
from .places import Place, Places
from .reasons import DEPLOYMENT, MODEL_INFO
from .references import writable
from .section import Section

__all__ = ["Deployment", "Limits", "deployments"]

_PRICES = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cached",
    "cache_creation_input_token_cost": "cache_write",
}


class Limits(Struct, frozen=True):
    """How long and how often it is asked: LiteLLM's ``timeout`` and ``stream_timeout`` in seconds,
    and its count of retries."""

    timeout: float | None = None
    stream_timeout: float | None = None
    retries: int | None = None


class Deployment(Struct, frozen=True, kw_only=True):
    """``group``: the name callers ask for. ``place`` and ``model`` are its route; a ``model`` of
    ``*`` is any. ``facts`` become a table of the route's own."""

    group: str
    place: Place
    model: str
    id: str | None = None
    order: float = 0
    weight: float = 0
    limits: Limits = Limits()
    facts: Mapping[str, Any] = {}


def deployments(
    entries: list[Any], credentials: Mapping[str, Any], places: Places, notices: Notices
) -> list[Deployment]:
    """Every entry that can be asked here, in order; the others are told."""
    found: list[Deployment] = []
    for number, entry in enumerate(entries, 1):
        section = Section(f"model_list[{number}]", entry, notices)
        deployment = _deployment(section, credentials, places)
        if deployment is not None:
            found.append(deployment)
    return found


def _deployment(
    entry: Section, credentials: Mapping[str, Any], places: Places
) -> Deployment | None:
    group = entry.text("model_name") or ""
    if not writable(group):
        entry.tell("model_name", "it is missing, or cannot be written here", "Name it anew")
        return None
    entry.path = f"model_list: {group}"
    params = _params(entry, credentials)
    info = entry.table("model_info")
    found = places.find(params)
    if found is None:
        return None
    place, model, dialect = found
    facts = {} if dialect is None else {"dialect": dialect}
    deployment = Deployment(
        group=group,
        place=place,
        model=model,
        id=info.text("id"),
        order=params.number("order") or 0,
        weight=params.number("weight") or 0,
        limits=_limits(params),
        facts={**facts, **_facts(params, info)},
    )
    params.close(DEPLOYMENT)
    info.close(MODEL_INFO)
    entry.close(DEPLOYMENT)
    return deployment


def _params(entry: Section, credentials: Mapping[str, Any]) -> Section:
    """``litellm_params``, with what the credential that they name says in their place."""
    params = entry.table("litellm_params")
    name = params.text("litellm_credential_name")
    if name is not None and name not in credentials:
        params.tell("litellm_credential_name", "it is not in credential_list", "Add its key here")
    if name is not None:
        params.fill(credentials.get(name))
    return params


def _limits(params: Section) -> Limits:
    counts = [params.number(key) for key in ("num_retries", "max_retries")]
    retries = next((int(count) for count in counts if count is not None), None)
    return Limits(params.number("timeout"), params.number("stream_timeout"), retries)


def _facts(params: Section, info: Section) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    window = info.number("max_input_tokens", 1)
    if window is not None:
        facts["window"] = int(window)
    amounts = {name: _amount(section, key) for key, name in _PRICES.items() for section in (info,)}
    overriding = {name: _amount(params, key) for key, name in _PRICES.items()}
    price = {name: overriding[name] or amount for name, amount in amounts.items()}
    price = {name: amount for name, amount in price.items() if amount is not None}
    if {"input", "output"} <= price.keys():
        facts["price"] = price
    elif price:
        info.tell("price", "a price needs both, for input and output", "Set both")
    return facts


def _amount(section: Section, key: str) -> str | None:
    """USD a token, in whatever form, as the decimal text of USD a million tokens."""
    given = section.take(key)
    if given is None or isinstance(given, bool):
        return None
    try:
        amount = Decimal(str(given)) * 1_000_000
        text = f"{amount:f}" if amount.is_finite() and abs(amount) < 1_000_000 else ""
    except InvalidOperation:
        text = ""
    text = re.sub(r"\.?0+$", "", text) if "." in text else text
    if not re.fullmatch(r"\d{1,6}(\.\d{1,6})?", text):
        section.tell(key, "it is no price that could be read", "Set the price in USD a million")
        return None
    return text
