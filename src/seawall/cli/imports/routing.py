"""From deployments and fallbacks to the routes of aliases."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from ...vendors import built_in
from .deployments import Deployment
from .notices import Notices, shown
from .places import Place
from .references import writable
from .section import Section

__all__ = [
    "Groups",
    "fallbacks",
    "grouped",
    "other_names",
    "route_name",
    "routes",
    "vendor_names",
]

Groups = Mapping[str, Sequence[Deployment]]
"""Deployments by the name callers ask for, in the order in which they are asked."""


def grouped(found: Iterable[Deployment], notices: Notices) -> dict[str, list[Deployment]]:
    """The groups, wildcards left out."""
    groups: dict[str, list[Deployment]] = {}
    for deployment in found:
        if "*" in deployment.group or "*" in deployment.model:
            _tell_wildcard(deployment, notices)
        else:
            groups.setdefault(deployment.group, []).append(deployment)
    for name, group in groups.items():
        group.sort(key=lambda one: (one.order, -one.weight))
        if len(group) > 1:
            notices.add(
                f"model_list: {name}",
                f"its {len(group)} deployments are asked in order; the load is not spread, and of "
                "their limits and prices one counts",
                "Look at the order of its route.",
            )
    return groups


def other_names(aliases: Section, groups: Groups) -> dict[str, str]:
    """``model_group_alias``: the group that is meant, by its other name."""
    found: dict[str, str] = {}
    for alias in aliases.names():
        meant = _name(aliases.take(alias))
        if alias in groups:
            aliases.tell(alias, "a model of the list has that name")
        elif meant in groups and writable(alias):
            found[alias] = meant
        else:
            aliases.tell(alias, "it leads to no model that was carried over")
    return found


def _name(given: Any) -> str:
    """The model that is meant, by its name or as a table with it."""
    if isinstance(given, Mapping):
        given = cast("Mapping[str, Any]", given).get("model")
    return str(given)


def _tell_wildcard(deployment: Deployment, notices: Notices) -> None:
    plain = deployment.model == "*" and deployment.group.endswith("*")
    notices.add(
        f"model_list: {deployment.group}",
        "a name with a * is no alias; any model of a vendor can be asked as vendor/model"
        if plain
        else "names with a * in them are not matched",
        f"Ask {deployment.place.vendor}/MODEL." if plain else "Write an alias for each.",
    )


def fallbacks(section: Section, key: str, groups: Groups) -> dict[str, list[str]]:
    """LiteLLM's list of ``{name: [names]}``. What leads nowhere is told."""
    found: dict[str, list[str]] = {}
    known = {*groups, *(one.id for group in groups.values() for one in group if one.id)}
    for entry in section.list(key):
        inner = Section(section.at(key), entry, section.notices)
        for name in inner.names():
            steps = inner.list(name)
            found[name] = [step for step in map(_name, steps) if step in known]
            for step in steps:
                if isinstance(step, Mapping):
                    inner.tell(name, "the parameters of a fallback are the call's own here")
                if _name(step) not in known:
                    inner.tell(name, f"{shown(_name(step))} is no model that was carried over")
            if name not in groups and name != "*":
                inner.tell(name, "it is no model that was carried over")
    return found


def routes(
    groups: Groups, after: Mapping[str, Sequence[str]], last: Mapping[str, Sequence[str]]
) -> dict[str, list[Deployment]]:
    """The route of each group: its deployments, those of its fallbacks and of theirs (``after``),
    then those of ``last``. LiteLLM follows fallbacks of fallbacks, too."""
    by_id = {one.id: [one] for group in groups.values() for one in group if one.id}
    found: dict[str, list[Deployment]] = {}
    for name in groups:
        order: dict[str, None] = {}
        _follow(name, after, order)
        steps = [*order, *last.get(name, ())]
        deployments = [one for step in steps for one in groups.get(step) or by_id.get(step, ())]
        found[name] = _first_of_each(deployments)
    return found


def _follow(name: str, after: Mapping[str, Sequence[str]], order: dict[str, None]) -> None:
    if name not in order:
        order[name] = None
        for step in after.get(name, after.get("*", ())):
            _follow(step, after, order)


def _first_of_each(deployments: Iterable[Deployment]) -> list[Deployment]:
    first: dict[tuple[Place, str], Deployment] = {}
    for one in deployments:
        first.setdefault(_identity(one), one)
    return list(first.values())


def vendor_names(places: Sequence[Deployment], found: Groups) -> dict[Place, str]:
    """A name for the place of each deployment: a built-in vendor's own where it can be asked as it
    is or with few changes, else one of its own. ``found``: the routes."""
    names: dict[Place, str] = {}
    distinct = dict.fromkeys(one.place for one in places)
    for place in sorted(distinct, key=lambda place: not place.plain):
        here = [one for one in places if one.place == place]
        wishes = (place.vendor if n == 1 else f"{place.vendor}-{n}" for n in itertools.count(1))
        names[place] = next(
            name
            for name in wishes
            if name not in names.values()
            and (built_in(name) is None or (place.row and name == place.vendor))
            and not any(_means_another(f"{name}/{one.model}", one, found) for one in here)
        )
    return names


def _means_another(name: str, asked: Deployment, found: Groups) -> bool:
    """Whether a route with ``name`` in it would lead elsewhere, as it is an alias's, too."""
    if name not in found:
        return False
    here = _identity(asked)
    alias = [_identity(one) for one in found[name]]
    return here not in alias or any(
        _put_in(alias, here, route) != route
        for route in ([_identity(one) for one in way] for way in found.values())
        if here in route
    )


def _identity(one: Deployment) -> tuple[Place, str]:
    return one.place, one.model


def _put_in(alias: Sequence[Any], here: Any, route: Sequence[Any]) -> list[Any]:
    """``route`` as it is asked when the alias stands in it in the place of ``here``."""
    steps = itertools.chain.from_iterable(alias if one == here else [one] for one in route)
    return list(dict.fromkeys(steps))


def route_name(deployment: Deployment, names: Mapping[Place, str]) -> str:
    return f"{names[deployment.place]}/{deployment.model}"
