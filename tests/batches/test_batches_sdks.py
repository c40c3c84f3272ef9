"""The official SDKs judge what is submitted and what the provider of these tests says: they read
our batches, and their own submissions have the shape of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from batches_provider import provider
from batches_world import MODELS, REQUESTS, settings

from environments import environment
from seawall import AsyncSeawall

INSIDE = Path(__file__).with_name("batches_sdk_inside.py")
CASES = {
    "anthropic": ("anthropic-2", r"POST /v1/messages/batches$", "ended"),
    "gemini": ("google-genai-3", r"POST \S+:batchGenerateContent", "JOB_STATE_SUCCEEDED"),
    "mistral": ("mistralai-3", r"POST /v1/batch/jobs$", "SUCCESS"),
}


@pytest.mark.parametrize("api", CASES)
async def test_the_package_and_we_say_the_same(api: str, tmp_path: Path) -> None:
    name, submit, ended = CASES[api]
    with provider() as app:
        async with AsyncSeawall(**settings(app, tmp_path)) as client:
            batch = await client.batch(REQUESTS, model=MODELS[api])
            await batch.wait(20, first=0.01)
        printed = environment(name).run(INSIDE, api, app.url, batch.id)
        ours, theirs = (msgspec.json.decode(each.body) for each in app.of(submit))
    told = msgspec.json.decode(printed.splitlines()[-1])
    assert told == {"state": ended, "items": dict.fromkeys(told["items"], "succeeded")}
    assert sorted(told["items"]) == ["a", "b", "c"]
    assert paths(theirs) - {"model"} <= paths(ours) | EXTRA


#: What a package says besides, by itself.
EXTRA = frozenset({"timeout_hours"})


def paths(value: Any, at: str = "") -> set[str]:
    """Every place of a JSON value that holds something, but for what a request itself says."""
    if isinstance(value, dict):
        return {
            found
            for name, inner in value.items()
            for found in ({f"{at}{name}"} if name in STOP else paths(inner, f"{at}{name}."))
        }
    if isinstance(value, list):
        return {found for inner in value for found in paths(inner, f"{at}[].")}
    return {at.removesuffix(".")}


STOP = frozenset({"params", "contents", "messages"})
