"""One template, every dialect, the same model behind each: how often an answer has its shape.

The embedded model is served on loopback behind the face of each dialect, and the library asks for
the same typed answers through the wire of each, without re-asking. What becomes of a question on
the way there and back is the only difference: a question that reaches the model word for word as
another did gets the same answer, which is generated once. Two ways to ask for a shape: the schema
is part of the request and enforced where the model runs, or it is told in the instructions.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from msgspec import Struct

from seawall import AsyncSeawall, OutputError
from seawall.core import Call, send
from seawall.dialects.openai_chat import WIRE
from seawall.ports import Quirks
from seawall.server import Head, Request, Server, Step
from seawall.transports.local import installed
from seawall.types import Format, Response
from seawall.types import Request as Question

from .dialects import DIALECTS

__all__ = ["MODEL", "WAYS", "Rate", "measure"]

MODEL = "qwen2.5-coder-0.5b"
WAYS = {"enforced": ("text", "json_object", "json_schema"), "told": ("text",)}

_HARBOURS = (
    *("Trieste, Italy, 18 m deep", "Rotterdam (Netherlands): 24 metres", "Oslo in Norway; 11 m"),
    *("the port of Hamburg, Germany, 15 m", "Piraeus, Greece, eighteen metres", "Kobe, Japan, 16"),
    *(
        "Le Havre - France - 17 m",
        "Valparaíso in Chile, depth 14 m",
        "Durban, South Africa: 12.8 m",
    ),
    *("Bergen? Norway. 11 m.", "Antwerp/Belgium/16 m", "Gdańsk, Poland, about 17 m"),
    *('"Sydney", Australia, 13 m', "Haifa, Israel, 14 m", "Split (Croatia), 10 m, windy"),
    *("Boston, 12 m, United States", "Halifax, Canada, 18 m", "Singapore, Singapore, 16 m"),
    *("Busan; South Korea; 17", "Santos, Brazil, 15 m deep", "Cork, Ireland: 9 m", "Riga, Latvia"),
    *("Mumbai, India, depth: 11 m", "Lagos, Nigeria, 13.5 m", "Tallinn, Estonia, 16 m"),
    *(
        "Genoa, Italy, 15 m\nships: 40",
        "Malmö, Sweden, 9 m",
        "Callao, Peru, 16 m",
        "Aden, Yemen, 16",
    ),
    *("Izmir, Turkey, 12 m", "Odesa, Ukraine, 13 m", "Vigo, Spain, 22 m", "Lisbon, Portugal, 14 m"),
)


@dataclass
class Harbour:
    """A harbour, its country in English, and its depth in whole metres."""

    name: str
    country: str
    depth: int


class Rate(Struct):
    """Of ``asked`` answers by ``dialect``, how many were ``valid``, and how many of its questions
    reached the model word for word as one before them did."""

    way: str
    dialect: str
    asked: int = 0
    valid: int = 0
    same: int = 0

    @property
    def percent(self) -> float:
        return 100 * self.valid / self.asked


def measure() -> list[Rate]:
    """Nothing where the weights of ``MODEL`` are not."""
    return asyncio.run(_measure()) if MODEL in installed() else []


async def _measure() -> list[Rate]:
    async with AsyncSeawall(ledger={"enabled": False}) as behind:
        model = _Model(behind)
        async with model.serving() as url:
            return [await _rate(way, name, url, model) for way in WAYS for name in DIALECTS]


async def _rate(way: str, dialect: str, url: str, model: _Model) -> Rate:
    rate = Rate(way, dialect)
    vendor = {"dialect": dialect, "base_url": f"{url}/{dialect}", "quirks": {"formats": WAYS[way]}}
    async with AsyncSeawall(vendors={"face": vendor}, ledger={"enabled": False}) as client:
        for text in _HARBOURS:
            rate.asked += 1
            known = len(model.answers)
            question = f"Which harbour is this? {text}"
            try:
                await client.chat(
                    question, model="face/any", output=Harbour, reasks=0, max_tokens=80
                )
                rate.valid += 1
            except OutputError:
                pass
            rate.same += len(model.answers) == known
    return rate


class _Model:
    """Answers as the embedded model does, in the dialect that the path begins with."""

    def __init__(self, client: AsyncSeawall) -> None:
        self.answers: dict[bytes, Response] = {}
        self._client = client
        self._route = client.assembly.router.route(f"local/{MODEL}")

    @asynccontextmanager
    async def serving(self) -> AsyncGenerator[str, None]:
        server = Server(self._handle)
        await server.start("127.0.0.1", 0)
        try:
            yield server.url
        finally:
            await server.stop()

    async def _handle(self, request: Request) -> AsyncGenerator[Step, None]:
        _, dialect, path = request.path.split("/", 2)
        face: Any = DIALECTS[dialect].FACE
        question = face.read(f"/{path}", request.headers, request.body)
        body = face.write(await self._answer(_seen(question)))
        yield Head(200, (("content-type", "application/json"), ("content-length", f"{len(body)}")))
        yield body

    async def _answer(self, asked: Question) -> Response:
        key = WIRE.encode(asked, Quirks()).body
        if key not in self.answers:
            call = Call(asked, self._client.assembly.clock)
            call.route = self._route
            self.answers[key] = (await send(call)).response
        return self.answers[key]


def _seen(question: Question) -> Question:
    """What the model looks at: the words, the schema, and how long it may answer."""
    form = question.format
    return Question(
        model=MODEL,
        messages=question.messages,
        max_tokens=question.max_tokens,
        temperature=0.0,
        format=None if form is None else Format(type=form.type, schema=form.schema),
    )


if __name__ == "__main__":
    for rate in measure():
        told = f"{rate.valid} of {rate.asked} valid, {rate.same} word for word"
        print(f"{rate.way:9} {rate.dialect:17} {told}")
