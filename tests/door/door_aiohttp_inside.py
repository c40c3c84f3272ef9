"""Run inside an environment that has google-genai and aiohttp: which client carries what."""

# pyright: reportMissingImports=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from google import genai  # pyright: ignore[reportAttributeAccessIssue]
from sdk_speakers import KEY

import seawall
from seawall.dialects.gemini import FACE
from seawall.simulator import Simulator
from seawall.transports.memory import Memory
from seawall.types import Choice, Message, Response, Text

JSON = {"content-type": "application/json"}
ANSWER = FACE.write(
    Response(model="m", choices=(Choice(message=Message("assistant", (Text("x"),))),))
)


# aiohttp says so of a class of google-genai's.
@pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning")
async def test_each_client_is_handed_over_by_its_own_name(tmp_path: Path) -> None:
    """Its asynchronous half goes past the other's client, by aiohttp where that is installed."""
    provider = Simulator()
    memory = Memory(lambda outbound: (200, JSON, ANSWER))
    options: Any = {"transport": memory, "ledger": {"dir": str(tmp_path)}}
    sync, asynchronous = seawall.http_client(sync=True, **options), seawall.http_client(**options)
    asked: Any = {"model": "m", "contents": "hi"}
    async with provider.serve() as url:
        given: Any = {"base_url": url.removesuffix("/v1"), "httpx_client": sync}
        async with genai.Client(api_key=KEY, http_options=given).aio as half:
            await half.models.generate_content(**asked)
        assert (len(provider.log), len(memory.requests)) == (1, 0)
        both = genai.Client(api_key=KEY, http_options=given | {"httpx_async_client": asynchronous})
        await both.aio.models.generate_content(**asked)
        both.models.generate_content(**asked)
    assert (len(provider.log), len(memory.requests)) == (1, 2)
