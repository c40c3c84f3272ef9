"""Replies of another kind than was asked for."""

from __future__ import annotations

import msgspec
import pytest

from seawall import AsyncSeawall, MalformedReplyError
from seawall.transports.memory import Memory

JSON = {"content-type": "application/json"}


def client(memory: Memory) -> AsyncSeawall:
    return AsyncSeawall(
        model="wall/m",
        vendors={"wall": {"base_url": "http://wall/v1"}},
        transports={"http": memory},
        ledger=False,
    ).with_options(retry=False)


@pytest.mark.parametrize("reason", ["stop", "length", None])
async def test_a_whole_answer_to_a_streamed_question(reason: str | None) -> None:
    choice = {"index": 0, "message": {"content": "Trieste"}, "finish_reason": reason}
    body = msgspec.json.encode({"choices": [choice]})
    asked = client(Memory(lambda outbound: (200, JSON, body)))
    assert (await asked.chat("hi")).text == "Trieste"
    async with asked.stream("hi") as stream:
        reply = await stream.reply()
    assert (reply.text, reply.finish_reason) == ("Trieste", reason or "stop")


@pytest.mark.parametrize("stream", [False, True])
async def test_a_page_names_the_setting_that_is_likely_wrong(stream: bool) -> None:
    page = {"content-type": "text/html; charset=utf-8"}
    asked = client(Memory(lambda outbound: (200, page, b"<html>")))
    asking = asked.stream("hi").reply() if stream else asked.chat("hi")
    with pytest.raises(MalformedReplyError, match="base_url"):
        await asking
