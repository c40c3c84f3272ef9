"""Run inside the environment of google-genai: what is its own above the door."""

# pyright: reportMissingImports=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import msgspec
import pytest
from door_sdks_inside import JSON, OWN, World, answer, faulty
from google import genai  # pyright: ignore[reportAttributeAccessIssue]
from google.genai import errors, types
from sdk_speakers import KEY

import seawall
from seawall.ports import reveal
from seawall.sinks import Ledger
from seawall.transports.memory import Memory


@pytest.mark.parametrize("version", ["v1", "v1beta", "v1alpha"])
async def test_every_version_of_its_api_is_understood(tmp_path: Path, version: str) -> None:
    """One vendor is behind them all, with one price."""
    memory = Memory(lambda outbound: (200, JSON, answer(OWN)[0]))
    http: Any = seawall.http_client(transport=memory, ledger={"dir": str(tmp_path)})
    genai_client = genai.Client(
        api_key=KEY, http_options={"httpx_async_client": http, "api_version": version}
    )
    model = "gemini-3.5-flash-lite"
    await genai_client.aio.models.generate_content(model=model, contents="hi")
    (sent,) = memory.requests
    host = "https://generativelanguage.googleapis.com"
    assert sent.url == f"{host}/{version}/models/{model}:generateContent"
    await http.aclose()
    with Ledger.open(tmp_path) as ledger:
        (row,) = ledger.calls()
    assert (row.model, row.cost_state) == (f"google/{model}", "exact")


@pytest.mark.parametrize("attempts", [None, 1, 4])
async def test_its_own_retries_do_not_multiply_ours(tmp_path: Path, attempts: int | None) -> None:
    """They are off unless asked for; what it asks again then counts against our budget."""
    world = World(tmp_path, faulty("503"))
    options: Any = {"base_url": "http://one", "httpx_async_client": world.http}
    if attempts:
        waits = {"initial_delay": 0.001, "jitter": 0.001, "max_delay": 0.002}
        options["retry_options"] = types.HttpRetryOptions(attempts=attempts, **waits)
    genai_client = genai.Client(api_key=KEY, http_options=options)
    with pytest.raises(errors.ServerError):
        await world.run(genai_client.aio.models.generate_content(model="sim", contents="hi"))
    # Four times three would be twelve; the circuit opens before that.
    assert len(world.one.log) == (5 if attempts == 4 else 3)


@pytest.mark.parametrize("path", ["models/m:generateContent", "models/m:countTokens", "files"])
async def test_a_key_in_the_url_is_kept_out_of_logs_and_records(
    tmp_path: Path, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    said = msgspec.json.encode({"error": {"code": 400, "message": f"no {KEY}", "status": "X"}})
    memory = Memory(lambda outbound: (400, JSON, said))
    http: Any = seawall.http_client(transport=memory, ledger={"dir": str(tmp_path)})
    url = f"https://generativelanguage.googleapis.com/v1beta/{path}?key={KEY}&x=1"
    with caplog.at_level(logging.DEBUG):
        reply = await http.post(url, json={"contents": [{"parts": [{"text": "hi"}]}]})
    await http.aclose()
    (sent,) = memory.requests
    assert sent.url == url.replace(f"key={KEY}&", "")
    assert {reveal(value) for name, value in sent.headers if name == "x-goog-api-key"} == {KEY}
    assert KEY not in str(reply.url)
    assert KEY not in caplog.text
    kept = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert KEY.encode() not in kept
