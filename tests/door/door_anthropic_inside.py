"""Run inside an environment of the anthropic package: what is its own above the door."""

# pyright: reportMissingImports=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
from __future__ import annotations

from pathlib import Path
from typing import Any

import anthropic
import pytest
from door_sdks_inside import SDK, World, faulty

import seawall
from seawall.ports import reveal
from seawall.simulator import Script
from seawall.transports.memory import Memory

ASKED: Any = SDK.ASKED


def client(world: World, **options: Any) -> anthropic.AsyncAnthropic:
    given: Any = {"api_key": "sk-ant-0123456789abcdef", "base_url": "http://one"}
    return anthropic.AsyncAnthropic(**given, http_client=world.http, **options)


@pytest.mark.parametrize("fault", ["529", "reset"])
async def test_its_own_retries_do_not_multiply_ours(tmp_path: Path, fault: str) -> None:
    world = World(tmp_path, faulty(fault))
    with pytest.raises(anthropic.APIError) as caught:
        await world.run(client(world, max_retries=5).messages.create(**ASKED))
    assert len(world.one.log) == 3
    if fault == "reset":
        assert isinstance(caught.value.__cause__, seawall.Fault)
    else:
        assert isinstance(caught.value, anthropic.APIStatusError)
        assert caught.value.response.headers["x-should-retry"] == "false"


async def test_the_version_of_the_api_is_sent_once(tmp_path: Path) -> None:
    """The user's own, too, and to every place that is asked in this dialect."""
    memory = Memory(lambda outbound: (503, {"content-type": "application/json"}, b"{}"))
    world = World(tmp_path, memory, Script(answer="from two"), dialect="anthropic", retry=False)
    headers = {"anthropic-version": "2023-01-01"}
    done = await world.run(client(world).messages.create(**ASKED, extra_headers=headers))
    assert done.content[0].text == "from two"
    (sent,) = memory.requests
    said = [reveal(value) for name, value in sent.headers if name.lower() == "anthropic-version"]
    assert said == ["2023-01-01"]


async def test_the_raw_stream_has_its_events(tmp_path: Path) -> None:
    world = World(tmp_path)

    async def use() -> list[str]:
        events = await client(world).messages.create(**ASKED, stream=True)
        return [event.type async for event in events]

    kinds = await world.run(use())
    assert kinds[0] == "message_start"
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert kinds.count("content_block_delta") > 5


async def test_an_error_in_a_stream_keeps_its_kind(tmp_path: Path) -> None:
    world = World(tmp_path, faulty("error-event"))
    with pytest.raises(anthropic.APIStatusError) as caught:
        await world.run(world.sdk.streamed())
    body: Any = caught.value.body
    assert body["error"]["type"] in ("overloaded_error", "api_error")
