"""Endpoints: does each vendor that could be asked answer, and does it take the key?"""

from __future__ import annotations

import asyncio
import time
from email.utils import parsedate_to_datetime
from urllib.parse import urlencode, urlsplit

from msgspec import Struct

from ...client.routes import Missing
from ...core import Route
from ...errors import AuthenticationError, ConfigError, Fault
from ...operations import ModelsRequest
from ...ports import Headers, Inbound, Outbound, Secret
from .findings import Finding, refused
from .setup import Setup

__all__ = ["Answer", "check"]

#: Seconds for one endpoint. All are asked at once.
DEADLINE = 5.0


class Answer(Struct, frozen=True):
    """``skew``: seconds by which the server's clock is ahead of this machine's, if it said."""

    finding: Finding
    skew: float | None = None


async def check(setup: Setup) -> list[Answer]:
    """Asks each vendor whose key is set, or that needs none, for its list of models."""
    asked = [name for name in setup.vendors if _reachable(name, setup)]
    try:
        return list(await asyncio.gather(*(_ask(name, setup) for name in asked)))
    finally:
        for transport in setup.router.transports:
            await transport.aclose()


def _reachable(name: str, setup: Setup) -> bool:
    row = setup.router.vendor(name)
    if row.transport == "local":
        return False
    try:
        key = setup.router.key(name)
    except Missing:
        return False
    # A server that wants no key is known to everybody, and run by few.
    return key is not None or not row.key_optional or name in setup.settings.vendors


async def _ask(name: str, setup: Setup) -> Answer:
    try:
        # A route is made for a model; which one does not matter to its address and key.
        route = setup.router.route(f"{name}/any")
        question = _question(route)
        began, before = time.time(), time.monotonic()
        async with asyncio.timeout(DEADLINE):
            inbound = await route.transport(question)
            seconds = time.monotonic() - before
            wants_key = await _wants_key(route, inbound)
    except ConfigError as error:
        return Answer(refused(name, error))
    except TimeoutError:
        return _unreachable(name, f"{setup.router.base_url(name)} gave no answer in {DEADLINE:g} s")
    except Fault as fault:
        return _unreachable(name, fault.message)
    inbound.abort()
    answered = f"{urlsplit(route.base_url).netloc} answers in {seconds * 1000:.0f} ms"
    if wants_key:
        finding = _locked(name, setup.router.key(name), answered, inbound.status)
    else:
        finding = _judge(name, answered, inbound.status, inbound.headers)
    return Answer(finding, _skew(inbound.headers, began + seconds / 2))


def _question(route: Route) -> Outbound:
    """For the list of models, as the vendor's dialect asks for it."""
    listing = route.wire.operations.get("models")
    if listing is None:
        return Outbound(method="GET", url=f"{route.base_url}/models", headers=route.headers)
    draft = listing.encode(ModelsRequest(), route.quirks)
    query = f"?{urlencode(draft.query)}" if draft.query else ""
    headers = (*draft.headers, *route.headers)
    return Outbound(method="GET", url=route.base_url + draft.path + query, headers=headers)


async def _wants_key(route: Route, inbound: Inbound) -> bool:
    """Whether the answer is about the key. Google says so with a 400."""
    if inbound.status in (401, 403):
        return True
    if inbound.status != 400:
        return False
    body = await inbound.read()
    return isinstance(route.wire.fault(400, inbound.headers, body), AuthenticationError)


def _unreachable(name: str, why: str) -> Answer:
    remedy = f"Check base_url of [vendors.{name}], the network, and the proxy if there is one."
    return Answer(Finding("fail", name, why, remedy))


def _locked(name: str, key: Secret | None, answered: str, status: int) -> Finding:
    if key is None:
        remedy = f'Name one: key = "${{VARIABLE}}" under [vendors.{name}].'
        return Finding("fail", name, f"{answered} and wants a key ({status})", remedy)
    what = "does not let in" if status == 403 else "refuses"
    detail = f"{answered} and {what} the key from {key.source} ({status})"
    remedy = "Correct the key, or make a new one at the provider."
    return Finding("fail", name, detail, remedy)


def _judge(name: str, answered: str, status: int, headers: Headers) -> Finding:
    if 300 <= status < 400:
        remedy = f"Set base_url to where it leads: {headers.get('location', 'it does not say')}"
        return Finding("warn", name, f"{answered} with a redirect ({status})", remedy)
    if status == 429 or status >= 500:
        trouble = "has had too many questions" if status == 429 else "is in trouble"
        return Finding("warn", name, f"{answered} but {trouble} ({status})", "Try again later.")
    if "html" in headers.get("content-type", ""):
        remedy = "base_url must be the API's address; most end in /v1."
        return Finding("warn", name, f"{answered} with a web page", remedy)
    if status >= 400:
        return Finding("ok", name, f"{answered}; it lists no models ({status})")
    return Finding("ok", name, answered)


def _skew(headers: Headers, asked: float) -> float | None:
    """A reply out of a cache has an old date, and says so by its age."""
    if "age" in headers:
        return None
    try:
        date = parsedate_to_datetime(headers.get("date", ""))
        # The date is cut to the second.
        return date.timestamp() + 0.5 - asked
    except (ValueError, TypeError):
        return None
