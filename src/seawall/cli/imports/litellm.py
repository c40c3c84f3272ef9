"""A LiteLLM proxy's config.yaml as a seawall.toml that means the same, as far as that goes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from msgspec import Struct

from . import reasons
from .deployments import Deployment, deployments
from .notices import Notices, shown
from .places import Place, Places
from .policies import alias_policies, default_policies
from .references import ENVIRON
from .routing import Groups, fallbacks, grouped, other_names, route_name, routes, vendor_names
from .section import Section

__all__ = ["Translated", "translate"]

_DAYS = {"s": 1 / 86400, "m": 1 / 1440, "h": 1 / 24, "d": 1}


class Translated(Struct, frozen=True):
    """``settings`` as they stand in a seawall.toml, and what they do not say."""

    settings: Mapping[str, Any]
    notices: Notices


def translate(config: Mapping[str, Any], notices: Notices) -> Translated:
    """``config``: what was read of the file. Nothing in it is lost without a notice."""
    whole = Section("", config, notices)
    general = whole.table("general_settings")
    settings, router = whole.table("litellm_settings"), whole.table("router_settings")
    places = Places(_variables(config))
    found = deployments(whole.list("model_list"), _credentials(whole), places, notices)
    groups = grouped(found, notices)
    others = other_names(router.table("model_group_alias"), groups)
    groups |= {alias: groups[meant] for alias, meant in others.items()}
    after = {**fallbacks(settings, "fallbacks", groups), **fallbacks(router, "fallbacks", groups)}
    after |= _for_all(settings, router, groups)
    ways = routes(groups, after, _larger(settings, router, groups))
    ways |= {alias: ways[meant] for alias, meant in others.items() if alias not in after}
    names = vendor_names(found, ways)
    tree = {
        **_default_model(general, groups),
        **_table("vendors", _vendors(names)),
        **_table("models", _models(names, found, groups, ways)),
        **_table("defaults", default_policies(settings, router)),
        **_table("ledger", _ledger(settings, general)),
    }
    _tell_environment(whole.table("environment_variables"))
    settings.close(reasons.SETTINGS)
    router.close(reasons.ROUTER)
    general.close(reasons.GENERAL)
    whole.close(reasons.ELSEWHERE)
    return Translated(tree, notices)


def _table(name: str, table: Mapping[str, Any]) -> dict[str, Any]:
    return {name: table} if table else {}


def _variables(value: Any) -> Iterator[str]:
    """The variables that the file refers to, anywhere."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Mapping):
            waiting += cast("Mapping[Any, Any]", value).values()
        elif isinstance(value, list):
            waiting += cast("list[Any]", value)
        elif isinstance(value, str) and value.startswith(ENVIRON):
            yield value[len(ENVIRON) :]


def _credentials(whole: Section) -> dict[str, Any]:
    entries = [
        Section("credential_list", entry, whole.notices) for entry in whole.list("credential_list")
    ]
    return {
        entry.text("credential_name") or "": entry.take("credential_values") for entry in entries
    }


def _for_all(settings: Section, router: Section, groups: Groups) -> dict[str, list[str]]:
    """Fallbacks of every group that has none of its own."""
    names: list[str] = []
    for section in (settings, router):
        given = [str(name) for name in section.list("default_fallbacks")]
        for name in given:
            if name not in groups:
                section.tell(
                    "default_fallbacks", f"{shown(name)} is no model that was carried over"
                )
        names = [name for name in given if name in groups] or names
    return {"*": names} if names else {}


def _larger(settings: Section, router: Section, groups: Groups) -> dict[str, list[str]]:
    key = "context_window_fallbacks"
    found = {**fallbacks(settings, key, groups), **fallbacks(router, key, groups)}
    for name in found:
        router.tell(
            f"{key}: {name}",
            "they stand at the end of its route, and are asked after other faults, too",
            f'Take them out of [models."{name}"] route if you do not want that',
        )
    return found


def _default_model(general: Section, groups: Mapping[str, Any]) -> dict[str, Any]:
    name = general.text("completion_model")
    if name is not None and name not in groups:
        general.tell("completion_model", "it is no model that was carried over", "Set model here")
    return {"model": name} if name in groups else {}


def _vendors(names: Mapping[Place, str]) -> dict[str, Any]:
    tables = {name: place.table(name) for place, name in names.items()}
    return {name: table for name, table in tables.items() if table}


def _models(
    names: Mapping[Place, str], found: Sequence[Deployment], groups: Groups, ways: Groups
) -> dict[str, Any]:
    """Each alias that is more than a model's own name, and the facts about models."""
    tables: dict[str, dict[str, Any]] = {}
    for alias, way in ways.items():
        route = [route_name(one, names) for one in way]
        policies = alias_policies(groups[alias])
        if route != [alias] or policies:
            tables[alias] = {"route": route, **policies}
    for one in found:
        if "*" not in one.model:
            for fact, value in one.facts.items():
                tables.setdefault(route_name(one, names), {}).setdefault(fact, value)
    return tables


def _ledger(settings: Section, general: Section) -> dict[str, Any]:
    ledger: dict[str, Any] = {}
    if settings.flag("turn_off_message_logging"):
        ledger["content"] = "none"
    if general.flag("disable_spend_logs"):
        ledger["enabled"] = False
    kept = general.text("maximum_spend_logs_retention_period")
    span = re.fullmatch(r"(\d{1,6})([smhd])", kept or "")
    if span is not None and int(span[1]):
        ledger["keep_days"] = int(span[1]) * _DAYS[span[2]]
    elif kept is not None:
        general.tell(
            "maximum_spend_logs_retention_period", "it could not be read", "Set [ledger] keep_days"
        )
    return ledger


def _tell_environment(variables: Section) -> None:
    for name in variables.names():
        variables.take(name)
        variables.tell(
            name, "settings set no variables here", f"Set {name} in the environment or in .env"
        )
