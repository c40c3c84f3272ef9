"""The operations beside chat, over the same routes and policies."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from ..core import Call, Handler, Reply, Route, run
from ..errors import ClosedError, ConfigError, UnsupportedError
from ..layers.pages import pages
from ..layers.split import SplitLayer
from ..operations import EmbedRequest, ModelsRequest, OperationRequest
from ..plugins import load
from ..types import Price
from .assemble import Assembly, models_of
from .options import CallPolicies, decide, inherited
from .routes import Router
from .tags import tags_of

__all__ = ["ask"]

#: No provider charges for saying what it has.
_FREE = Price(input=0, output=0)


async def ask(
    assembly: Assembly,
    request: OperationRequest,
    models: str | Sequence[str],
    options: Mapping[str, Any],
) -> Reply:
    """The answer of ``models``, the first that gives one, with every policy applied.

    Raises ``ConfigError`` for embedding models that do not make the same vectors,
    ``UnsupportedError`` where no vendor of ``models`` serves the operation.
    """
    if assembly.closed:
        raise ClosedError("the client is closed; make a new one")
    names = models_of(models, "")
    if isinstance(request, EmbedRequest):
        _check_same(assembly.router, names)
    routes, missing = assembly.router.routes(names)
    routes, missing = _serving(assembly.router, routes, missing, request.operation)
    if isinstance(request, ModelsRequest):
        routes = [replace(route, price=_FREE) for route in routes]
    policies = _policies(assembly, names[0], options)
    handler = assembly.handler(routes, missing, policies)
    if isinstance(request, EmbedRequest):
        handler = SplitLayer(routes)(handler)
    elif isinstance(request, ModelsRequest):
        handler = pages(handler)
    return await _run(assembly, handler, replace(request, model=names[0]), policies, options)


async def _run(
    assembly: Assembly,
    handler: Handler,
    request: OperationRequest,
    policies: CallPolicies,
    options: Mapping[str, Any],
) -> Reply:
    granted, deadline = None, policies.deadline
    if options.get("inherited"):
        granted, deadline = inherited(options["inherited"], deadline)
    call = Call(
        request,
        assembly.clock,
        timeouts=deadline,
        tags=tags_of(options),
        attempts_left=granted,
    )
    return await run(assembly.recorded(handler), call)


def _policies(assembly: Assembly, model: str, options: Mapping[str, Any]) -> CallPolicies:
    """Those of chat, but for what only a text can have: words in its place, or a continuation."""
    settings = assembly.router.policies(model)
    policies = decide(assembly.settings.defaults, settings, options)
    return replace(policies, fallback_reply=None, recovery="error")


def _check_same(router: Router, names: Sequence[str]) -> None:
    """Raises ``ConfigError`` for a fallback from one embedding model to another: its vectors lie
    in another space, and an index that holds both finds nothing and says nothing."""
    found = list(dict.fromkeys(name for model in names for name in router.names(model)))
    others = [name for name in found if _identity(router, name) != _identity(router, found[0])]
    if others:
        raise ConfigError(
            f"{found[0]} and {others[0]} are different embedding models, whose vectors cannot be "
            "compared",
            key="model",
            remedy="Fall back to the same model at another vendor only. If it is the same under "
            f'another name, say so: [models."{others[0]}"] same_as = '
            f'"{_identity(router, found[0])}".',
        )


def _identity(router: Router, name: str) -> str:
    """What a model is called everywhere: vendors put the maker's name before it, in their own
    case."""
    own = router.policies(name).same_as
    return (own or name).rpartition("/")[2].lower()


def _serving(
    router: Router,
    routes: Sequence[Route],
    missing: Sequence[tuple[str, str]],
    operation: str,
) -> tuple[list[Route], list[tuple[str, str]]]:
    """Those of ``routes`` that serve ``operation``; the others go to the ``missing``."""
    able: list[Route] = []
    unable = list(missing)
    for route in routes:
        vendor = route.name.partition("/")[0]
        if operation in route.wire.operations and _offers(router, vendor, operation):
            able.append(route)
        else:
            unable.append((route.name, f"{vendor} does not serve {operation}"))
    if able:
        return able, unable
    names = dict.fromkeys(route.name.partition("/")[0] for route in routes)
    raise UnsupportedError(
        f"{', '.join(names)} cannot be asked for {operation}; "
        f"these can: {', '.join(offering(router, operation)) or 'none'}"
    )


def offering(router: Router, operation: str) -> list[str]:
    """The vendors that serve ``operation``."""
    able: list[str] = []
    for vendor in router.vendors:
        with contextlib.suppress(ConfigError):  # of a vendor nobody asked for
            wire = load("dialect", router.vendor(vendor).dialect)
            if operation in wire.operations and _offers(router, vendor, operation):
                able.append(vendor)
    return able


def _offers(router: Router, vendor: str, operation: str) -> bool:
    served = router.vendor(vendor).operations
    return served is None or operation in served
