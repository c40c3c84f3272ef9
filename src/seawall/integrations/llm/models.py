"""The models, for callers of both kinds."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, cast

import llm
from llm.models import AsyncConversation, AsyncResponse, Conversation, Prompt, Response
from llm.parts import StreamEvent
from pydantic import Field

from ...client.aio import AsyncSeawall
from ...client.loop import run_in_loop
from ...client.sync import ReplyStream
from ...errors import Fault
from ..clients import asynchronous
from ..mixing import mixed
from .answers import Writer, tell, whole
from .messages import read_messages, read_tools

__all__ = ["AsyncSeawallModel", "SeawallModel", "client"]


@cache
def client() -> AsyncSeawall:
    """The one that all of llm's models ask, from the settings. Raises ``ConfigError``."""
    return asynchronous(None)


class Options(llm.Options):
    """Given as ``-o NAME VALUE``, or as keywords."""

    model: str | None = Field(None, description="Any vendor/model or alias, in place of its own")
    temperature: float | None = Field(None, description="Sampling temperature")
    max_tokens: int | None = Field(None, description="Most tokens of the answer")
    top_p: float | None = Field(None, description="Nucleus sampling")
    stop: str | None = Field(None, description="Text at which the answer ends")
    seed: int | None = Field(None, description="For sampling that can be repeated")
    presence_penalty: float | None = Field(None, description="Penalty for tokens used before")
    frequency_penalty: float | None = Field(None, description="Penalty for tokens used often")
    reasoning_effort: str | None = Field(None, description="How long to think: low, medium, high")
    feature: str | None = Field(None, description="What the call is for, in the ledger")
    deadline: float | None = Field(None, description="Seconds for the whole call")
    recovery: str | None = Field(None, description="Of a cut stream: error, hold or resume")


class _Known:
    """What both kinds of models are."""

    can_stream = True
    supports_schema = True
    supports_tools = True
    attachment_types = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif"})
    Options = Options

    def __init__(self, model_id: str, model: str | None = None) -> None:
        self.model_id = model_id
        self.model = model

    def __str__(self) -> str:
        return f"Seawall: {self.model_id}"

    def _asked(self, prompt: Prompt) -> tuple[Any, dict[str, Any]]:
        options: dict[str, Any] = {"model": self.model}
        options |= prompt.options.model_dump(exclude_none=True)
        schema = cast("Any", prompt).schema
        if schema:
            options["output"] = schema
        if prompt.tools:
            options["tools"] = read_tools(prompt.tools)
        said = {name: value for name, value in options.items() if value is not None}
        return read_messages(prompt.messages), said


@contextmanager
def _in_both_words() -> Generator[None]:
    """A fault raised inside leaves as an ``llm.ModelError``, too."""
    try:
        yield
    except Fault as fault:
        raise mixed(fault, (llm.ModelError,), {}) from fault


class SeawallModel(_Known, llm.Model):
    """``llm``'s model; what it asks goes through every policy of Seawall's."""

    def execute(
        self,
        prompt: Prompt,
        stream: bool,
        response: Response,
        conversation: Conversation | None,
    ) -> Iterator[str | StreamEvent]:
        messages, options = self._asked(prompt)
        with _in_both_words():
            if not stream:
                reply = run_in_loop(client().chat(messages, **options))
                yield from whole(reply)
            else:
                writer = Writer()
                with ReplyStream(client().stream(messages, **options)) as read:
                    for event in read:
                        yield from writer.write(event)
                    reply = read.reply()
            tell(response, reply)


class AsyncSeawallModel(_Known, llm.AsyncModel):
    """``llm``'s asynchronous model."""

    async def execute(
        self,
        prompt: Prompt,
        stream: bool,
        response: AsyncResponse,
        conversation: AsyncConversation | None,
    ) -> AsyncGenerator[str | StreamEvent, None]:
        messages, options = self._asked(prompt)
        with _in_both_words():
            if not stream:
                reply = await client().chat(messages, **options)
                for written in whole(reply):
                    yield written
            else:
                writer = Writer()
                async with client().stream(messages, **options) as read:
                    async for event in read:
                        for written in writer.write(event):
                            yield written
                    reply = await read.reply()
            tell(response, reply)
