"""Vendors whose models know one text by heart, break off where they are told, and take a text
that was begun each in its own way. On a virtual clock."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from seawall import AsyncSeawall, Fault, Reply, TextDelta
from seawall.errors import ConnectionFault
from seawall.ports import Outbound
from seawall.testing import VirtualClock
from seawall.transports.memory import Memory

__all__ = ["Heard", "Model", "World", "refusal"]

How = Literal["close", "reset", "stall", "error", "mark", "filter", "garble"]


class Model(Struct, kw_only=True):
    """Says ``pieces`` in a row. ``cut``: after so many events (the first is the role, the last
    the finish) it breaks off, as ``how`` says. Shown the beginning of an answer it goes on with
    what ``prefilled`` gives, or with ``status``. ``counts``: each piece says how many tokens
    there were, one for each so far."""

    pieces: Sequence[str]
    cut: int | None = None
    how: How = "close"
    prefilled: Literal["continue", "echo", "refuse", "trim", "silent"] = "continue"
    status: int | None = None
    message: str = "no"
    deltas: Sequence[Mapping[str, Any]] = ()
    reason: str = "stop"
    metered: bool = True
    counts: bool = False
    pause: float = 0.0

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    @property
    def events(self) -> int:
        """How many there are when nothing is cut."""
        return len(self.deltas) + len(self.pieces) + 2


def refusal(status: int, **model: Any) -> Model:
    """A model that is never reached."""
    return Model(pieces=(), status=status, **model)


class Heard(Struct):
    """A question as a vendor got it. ``shown``: the beginning of an answer, if it ended in one."""

    vendor: str
    at: float
    body: Any
    headers: Mapping[str, Any]

    @property
    def shown(self) -> str | None:
        last = self.body["messages"][-1]
        return last["content"] if last["role"] == "assistant" else None


class World:
    """Vendors by name, each with the models that answer one question after the other; the last
    one stays. ``prefill``: the vendors whose row says that they take a begun answer."""

    def __init__(
        self, *, prefill: Mapping[str, Any] | Sequence[str] = (), **models: Model | list[Model]
    ) -> None:
        self.clock: Any = VirtualClock()
        self.memory = Memory(self.answer)
        self.heard: list[Heard] = []
        self.models = {
            name: [model] if isinstance(model, Model) else list(model)
            for name, model in models.items()
        }
        self._prefill = prefill if isinstance(prefill, Mapping) else dict.fromkeys(prefill, True)

    def client(self, *, recovery: str | None = "resume", **settings: Any) -> AsyncSeawall:
        """A client whose alias ``all`` asks the vendors in order."""
        vendors, models, defaults = self.settings()
        if recovery is not None:
            defaults["recovery"] = recovery
        given = settings.pop("models", {})
        settings.setdefault("ledger", False)
        return AsyncSeawall(
            vendors=vendors,
            models=given | {"all": models["all"] | given.get("all", {})},
            model="all",
            defaults=defaults | settings.pop("defaults", {}),
            transports={"http": self.memory},
            clock=self.clock,
            **settings,
        )

    def settings(self) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        """The vendors, the alias ``all``, and defaults that waste no time."""
        vendors: dict[str, Any] = {
            name: {
                "base_url": f"http://{name}.test/v1",
                "quirks": {"prefill": self._prefill.get(name, False)},
            }
            for name in self.models
        }
        defaults = {"retry": {"attempts": 3, "base": 0.0}, "breaker": False}
        return vendors, {"all": {"route": [f"{name}/m" for name in self.models]}}, defaults

    def names(self) -> list[str]:
        return [heard.vendor for heard in self.heard]

    async def tell(
        self, client: AsyncSeawall | None = None, **options: Any
    ) -> tuple[str, Reply | Fault]:
        """The text that was given out, and what it ended with."""
        client = client or self.client()
        got: list[str] = []

        async def ask() -> Reply | Fault:
            stream = client.stream("?", **options)
            try:
                async for event in stream:
                    if type(event) is TextDelta:
                        got.append(event.text)
                return await stream.reply()
            except Fault as fault:
                return fault

        end = await self.clock.run(ask())
        assert self.memory.open == 0
        await client.aclose()
        return "".join(got), end

    def answer(self, outbound: Outbound) -> Any:
        """Status, headers and body of what the vendor in ``outbound`` answers."""
        vendor = (urlsplit(outbound.url).hostname or "").partition(".")[0]
        body = msgspec.json.decode(outbound.body)
        heard = Heard(vendor, self.clock.now(), body, dict(outbound.headers))
        self.heard.append(heard)
        models = self.models[vendor]
        model = models.pop(0) if len(models) > 1 else models[0]
        if model.status is not None:
            return _refused(model.status, model.message)
        shown = heard.shown
        if shown is None:
            return _stream(self._say(model, model.pieces))
        if model.prefilled == "refuse" or not model.text.startswith(shown):
            # What goes on with words it does not know by heart cannot be told right from wrong.
            return _refused(400, "the last message must be of the user's")
        return _stream(self._say(model, _rest(model, shown)))

    async def _say(self, model: Model, pieces: Sequence[str]) -> AsyncIterator[bytes | Fault]:
        said = [_piece({"role": "assistant", "content": ""})]
        said += [_piece(delta) for delta in model.deltas]
        for count, piece in enumerate(pieces, 1):
            said.append(_piece({"content": piece}, count=count if model.counts else None))
        said.append(_piece({}, model.reason))
        for number, event in enumerate(said):
            if number == model.cut:
                break
            if model.pause:
                await self.clock.sleep(model.pause)
            yield event
        if model.cut is None or model.cut >= len(said):
            words = sum(map(len, pieces))
            usage = {"prompt_tokens": 10, "completion_tokens": words, "total_tokens": 10 + words}
            yield (_event({"choices": [], "usage": usage}) if model.metered else b"") + _DONE
        elif model.how == "stall":
            await self.clock.sleep(1e6)
        elif model.how == "reset":
            yield ConnectionFault("reset by peer")
        elif model.how == "error":
            yield _event({"error": {"message": "boom", "type": "server_error"}})
        elif model.how == "filter":
            yield _event({"error": {"message": "flagged", "code": "content_filter"}})
        elif model.how == "garble":
            yield b"data: {]\n\n"
        elif model.how == "mark":
            yield _DONE


def _rest(model: Model, shown: str) -> list[str]:
    """What follows ``shown`` in the model's text, in its own pieces."""
    if model.prefilled == "echo":
        return list(model.pieces)
    if model.prefilled == "silent":
        return []
    if model.prefilled == "trim":
        shown = shown.rstrip()
    rest, at = list[str](), 0
    for piece in model.pieces:
        rest.append(piece[max(0, len(shown) - at) :])
        at += len(piece)
    return [piece for piece in rest if piece]


def _refused(status: int, message: str) -> Any:
    body = msgspec.json.encode({"error": {"message": message}})
    return status, {"content-type": "application/json"}, body


def _stream(body: AsyncIterator[bytes | Fault]) -> Any:
    return 200, {"content-type": "text/event-stream"}, body


_DONE = b"data: [DONE]\n\n"


def _event(chunk: Any) -> bytes:
    return b"data: " + msgspec.json.encode(chunk) + b"\n\n"


def _piece(
    delta: Mapping[str, Any], reason: str | None = None, *, count: int | None = None
) -> bytes:
    choice = {"index": delta.get("index", 0), "delta": delta, "finish_reason": reason}
    chunk = {"id": "c", "object": "chat.completion.chunk", "model": "m", "choices": [choice]}
    if count is not None:
        chunk["usage"] = {"prompt_tokens": 10, "completion_tokens": count}
    return _event(chunk)
