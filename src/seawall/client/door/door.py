"""The door itself, for any SDK and any HTTP library: a request in, an answer out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict

from msgspec.structs import replace

from ...core import Call, Original, Reply, Route, run
from ...dialects.openai_chat import FACE
from ...errors import BadRequestError, ClosedError, ConfigError, Fault, LedgerError
from ...layers.breaker import Breaker
from ...layers.recovery import Recovery
from ...layers.retry import Retry
from ...ports import Face, Head, Headers, Timeouts
from ..assemble import Assembly
from ..options import decide, inherited
from ..tags import tags_of
from .answers import Answer, Handed, refusal, stream_headers, trouble, whole
from .asked import Asked, forwarded, said_tags
from .deadlines import deadlines
from .passing import pass_through

__all__ = ["OPTIONS", "Door", "DoorOptions"]

#: The faces by the end of a request's path.
_FACES: Mapping[str, Face] = {"/chat/completions": FACE}


class DoorOptions(TypedDict, total=False):
    """What a door may be told for every call through it; as the library's options."""

    feature: str
    prompt: str
    prompt_version: str
    tags: Mapping[str, Any]
    retry: Retry | Mapping[str, Any] | Literal[False]
    breaker: Breaker | Mapping[str, Any] | Literal[False]
    deadline: Timeouts | Mapping[str, Any] | float
    fallback_reply: str | None
    recovery: Recovery


OPTIONS = frozenset(DoorOptions.__annotations__)


class Door:
    """Answers what an SDK asks by the routes and policies of ``assembly``.

    ``fallback``: routes to be asked after the SDK's own provider. ``options``: policies and tags
    of every call. ``splice``: what the SDK wrote for its own provider goes there as it came, and
    the reply comes back so; without, both are understood and written anew.
    """

    def __init__(
        self,
        assembly: Assembly,
        options: Mapping[str, Any],
        fallback: Sequence[str] = (),
        *,
        splice: bool = True,
    ) -> None:
        self.assembly = assembly
        self._options = options
        self._fallback = tuple(fallback)
        self._splice = splice

    def check(self) -> None:
        """Raises ``ConfigError`` for options and fallback routes that are wrong."""
        router = self.assembly.router
        decide(self.assembly.settings.defaults, router.policies(""), self._options)
        tags_of(self._options)
        router.among(self._fallback)

    async def ask(self, asked: Asked) -> Answer:
        """The answer to one request. Whatever goes wrong becomes an answer too, as the SDK's
        provider would have told it; only a closed door and a cancelled task raise."""
        if self.assembly.closed:
            raise ClosedError("the client is closed; make a new one")
        face, path = _face(asked)
        try:
            options = {**self._options, **said_tags(asked.headers)}
            head = None if face is None else _head(face, path, asked)
            if face is None or head is None:
                return await pass_through(self.assembly, asked, tags_of(options))
            return await self._call(face, head, path, asked, options)
        except (ConfigError, LedgerError) as error:
            return trouble(error)

    async def _call(
        self, face: Face, head: Head, path: str, asked: Asked, options: Mapping[str, Any]
    ) -> Answer:
        routes, missing = self._routes(face, head, path, asked)
        assembly = self.assembly
        policies = decide(assembly.settings.defaults, assembly.router.policies(head.model), options)
        timeouts = deadlines(
            policies.deadline, asked.timeout, stream=head.stream, alone=len(routes) == 1
        )
        granted, timeouts = inherited(asked.headers, timeouts)
        plain, _ = forwarded(asked.headers)
        original = Original(
            face, head, asked.body, path=path, headers=Headers(plain), query=asked.query
        )
        call = Call(
            original,
            assembly.clock,
            timeouts=timeouts,
            tags=tags_of(options),
            attempts_left=granted,
        )
        if not self._splice:
            call.face = None
        handler = assembly.recorded(assembly.handler(routes, missing, policies))
        try:
            reply = await run(handler, call)
        except Fault as fault:
            return refusal(face, fault, call.id)
        return _answer(face, head, reply)

    def _routes(
        self, face: Face, head: Head, path: str, asked: Asked
    ) -> tuple[list[Route], list[tuple[str, str]]]:
        """Where the call may go: by its alias, or to the SDK's own provider and on from there."""
        router = self.assembly.router
        own = self._own(face, head, path, asked)
        entry = router.policies(head.model)
        if not entry.route:
            routes, missing = router.among(self._fallback)
            return [own, *routes], missing
        routes, missing = router.among([head.model, *self._fallback], theirs=own)
        if not routes:
            raise ConfigError("; ".join(why for _, why in missing))
        return routes, missing

    def _own(self, face: Face, head: Head, path: str, asked: Asked) -> Route:
        url = asked.url
        base = url.path.removesuffix(path)
        _, secret = forwarded(asked.headers)
        route = self.assembly.router.theirs(
            f"{url.scheme}://{url.netloc}{base}", head.model, secret, face.name
        )
        return route if self._splice else replace(route, verbatim=False)


def _face(asked: Asked) -> tuple[Face | None, str]:
    if asked.method == "POST":
        for path, face in _FACES.items():
            if asked.url.path.endswith(path):
                return face, path
    return None, ""


def _head(face: Face, path: str, asked: Asked) -> Head | None:
    """What routing needs, or ``None``: the provider will say what is wrong with the request."""
    try:
        return face.peek(path, asked.headers, asked.body)
    except BadRequestError:
        return None


def _answer(face: Face, head: Head, reply: Reply) -> Answer:
    if reply.stream is None:
        return whole(face, reply)
    return Answer(200, stream_headers(reply), Handed(face, head, reply.stream))
