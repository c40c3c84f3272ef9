"""The door itself, for any SDK and any HTTP library: a request in, an answer out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypedDict

from msgspec import Struct
from msgspec.structs import replace

from ...core import Call, Handler, Original, run
from ...errors import BadRequestError, ClosedError, ConfigError, Fault, LedgerError
from ...layers.breaker import Breaker
from ...layers.recovery import Recovery
from ...layers.retry import Retry
from ...ports import Face, Head, Headers, Timeouts
from ..assemble import Assembly
from ..options import CallPolicies, decide, inherited
from ..tags import tags_of
from .answers import Answer, Handed, refusal, stream_headers, trouble, whole
from .asked import Asked, said_tags
from .deadlines import deadlines
from .passing import pass_through

__all__ = ["OPTIONS", "Door", "DoorOptions"]


class DoorOptions(TypedDict, total=False):
    """What a door may be told for every call through it; as the library's options."""

    feature: str
    prompt: str
    prompt_version: str
    tags: Mapping[str, Any]
    retry: Retry | Mapping[str, Any] | Callable[..., Any] | Literal[False]
    breaker: Breaker | Mapping[str, Any] | Callable[..., Any] | Literal[False]
    deadline: Timeouts | Mapping[str, Any] | float
    fallback_reply: str | None
    recovery: Recovery


OPTIONS = frozenset(DoorOptions.__annotations__)


class _Road(Struct, frozen=True):
    """How a model is asked: what questions to it have in common. ``metered``: the SDK's own
    provider may be asked for a stream's usage."""

    handler: Handler
    deadline: Timeouts
    alone: bool
    metered: bool


class Door:
    """Answers what an SDK asks by the routes and policies of ``assembly``.

    ``fallback``: routes to be asked after the SDK's own provider. ``options``: policies and tags
    of every call. ``package``: the SDK above, if it was named. ``splice``: what the SDK wrote for
    its own provider goes there as it came, and the reply comes back so; without, both are
    understood and written anew.
    """

    def __init__(
        self,
        assembly: Assembly,
        options: Mapping[str, Any],
        fallback: Sequence[str] = (),
        *,
        package: str | None = None,
        splice: bool = True,
    ) -> None:
        self.assembly = assembly
        self.package = package
        self.splice = splice
        self._options = options
        self._fallback = tuple(fallback)
        self._roads: dict[tuple[str, str, str], _Road] = {}

    def check(self) -> None:
        """Raises ``ConfigError`` for options and fallback routes that are wrong."""
        router = self.assembly.router
        decide(self.assembly.settings.defaults, router.policies(""), self._options)
        tags_of(self._options)
        router.among(self._fallback)

    async def ask(self, asked: Asked) -> Answer:
        """The answer to one request. Whatever goes wrong becomes an answer too, as the SDK's
        provider would have told it; only a closed door, a cancelled task, and the connection of
        a request that is only passed through raise."""
        if self.assembly.closed:
            raise ClosedError("the client is closed; make a new one")
        face = asked.place.face
        try:
            tags = tags_of({**self._options, **said_tags(asked.ours)})
            head = None if face is None else _head(face, asked)
            if face is None or head is None:
                return await pass_through(self.assembly, asked, tags)
            return await self._call(face, head, asked, tags)
        except (ConfigError, LedgerError) as error:
            return trouble(face, error)

    async def _call(self, face: Face, head: Head, asked: Asked, tags: Mapping[str, Any]) -> Answer:
        road = self._road(face, head, asked)
        timeouts = deadlines(road.deadline, asked.timeout, stream=head.stream, alone=road.alone)
        granted = None
        if asked.ours:
            granted, timeouts = inherited(asked.ours, timeouts)
        original = Original(
            face,
            head if road.metered else replace(head, include_usage=True),
            asked.body,
            path=asked.place.path,
            query=asked.place.query,
            headers=(*asked.headers, *asked.credentials),
        )
        clock = self.assembly.clock
        call = Call(original, clock, timeouts=timeouts, tags=tags, attempts_left=granted)
        if not self.splice:
            call.face = None
        try:
            reply = await run(road.handler, call)
        except Fault as fault:
            return refusal(face, fault, call.id)
        if reply.stream is None:
            return whole(face, reply)
        return Answer(200, stream_headers(reply), Handed(face, head, reply.stream))

    def _road(self, face: Face, head: Head, asked: Asked) -> _Road:
        """Where the call may go: by its alias, or to the SDK's own provider and on from there."""
        place = asked.place
        key = face.name, place.base, head.model
        road = self._roads.get(key)
        if road is not None:
            return road
        assembly, router = self.assembly, self.assembly.router
        known = router.theirs(place.home, head.model, face.name)
        own = replace(known, base_url=place.base)
        if not self.splice:
            own = replace(own, verbatim=False, headers=asked.credentials)
        entry = router.policies(head.model)
        if entry.route:
            lender = replace(known, headers=asked.credentials)
            routes, missing = router.among([head.model, *self._fallback], lender)
        else:
            routes, missing = router.among(self._fallback)
            routes = [own, *routes]
        if not routes:
            raise ConfigError("; ".join(why for _, why in missing))
        policies = _wary(decide(assembly.settings.defaults, entry, self._options))
        handler = assembly.recorded(assembly.handler(routes, missing, policies))
        road = _Road(handler, policies.deadline, len(routes) == 1, own.quirks.stream_usage)
        # A road with a key that came with the request is for that request alone.
        if not any(route.headers is asked.credentials for route in routes):
            if len(self._roads) >= 512:
                self._roads.clear()
            self._roads[key] = road
        return road


def _wary(policies: CallPolicies) -> CallPolicies:
    """An SDK is often asked again by something around it, which knows nothing of our budget."""
    retry = policies.retry
    if retry is None or retry.repeats is not None:
        return policies
    return replace(policies, retry=replace(retry, repeats=True))


def _head(face: Face, asked: Asked) -> Head | None:
    """What routing needs, or ``None``: the provider will say what is wrong with the request."""
    try:
        return face.peek(asked.place.path, Headers(asked.headers), asked.body)
    except BadRequestError:
        return None
