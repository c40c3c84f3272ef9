"""Run inside the environment of cohere: what is its own above the door."""

# pyright: reportMissingImports=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
from __future__ import annotations

from pathlib import Path
from typing import Any

import cohere
import pytest
from door_sdks_inside import SDK, World, faulty
from sdk_speakers import KEY


@pytest.mark.parametrize("fault", ["500", "503", "429-bare", "reset"])
async def test_its_own_retries_do_not_multiply_ours(tmp_path: Path, fault: str) -> None:
    """It takes no advice on them, and by itself makes two."""
    world = World(tmp_path, faulty(fault))
    client = cohere.AsyncClientV2(api_key=KEY, base_url="http://one", httpx_client=world.http)
    asked: Any = SDK.ASKED | {"request_options": {"max_retries": 4}}
    with pytest.raises(cohere.core.api_error.ApiError) as caught:
        await world.run(client.chat(**asked))
    assert len(world.one.log) == 3
    (row,) = world.rows()
    assert caught.value.headers is not None
    assert caught.value.headers["x-seawall-id"] == row.id
    assert caught.value.body["message"]
