"""What was recorded is replayed, and no secret reaches the disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seawall import AsyncSeawall, ConfigError, NotFoundError
from seawall.ports import Inbound, Outbound, Secret
from seawall.transports.memory import Body, Memory
from seawall.transports.replay import Replay

KEY = "sk-abcdefghijklmnop1234"


def ask(text: str = "hi", **more: object) -> Outbound:
    return Outbound(
        url="https://api.example/v1/chat/completions?api_key=hunter2&n=1",
        headers=(("authorization", Secret(f"Bearer {KEY}")), ("cookie", "crumb"), ("x-team", "a")),
        body=json.dumps({"text": text, **more}).encode(),
    )


async def read(inbound: Inbound) -> bytes:
    pieces: list[bytes] = []
    while data := await inbound.read():
        pieces.append(data)
    return b"|".join(pieces)


async def record(path: Path, body: Body, kind: str = "application/json", text: str = "hi") -> None:
    headers = {"content-type": kind, "set-cookie": "session=hunter3", "content-encoding": "gzip"}
    await read(await Replay(path, Memory(lambda _: (201, headers, body)))(ask(text)))


async def test_a_recorded_reply_comes_back(tmp_path: Path) -> None:
    await record(tmp_path, b'{"answer": 4}')
    inbound = await Replay(tmp_path)(ask())
    assert inbound.status == 201
    assert inbound.headers["content-type"] == "application/json"
    assert "content-encoding" not in inbound.headers
    assert json.loads(await read(inbound)) == {"answer": 4}


async def test_no_secret_reaches_the_disk(tmp_path: Path) -> None:
    answer = json.dumps({"echo": f"your key {KEY} is bad"}).encode()
    await record(tmp_path, answer, text=f"my key is {KEY}")
    (file,) = tmp_path.iterdir()
    kept = file.read_text()
    for secret in (KEY, "hunter2", "hunter3", "crumb"):
        assert secret not in kept
    exchange = json.loads(kept)
    assert exchange["origin"] == "captured"
    assert exchange["request"]["headers"] == {
        "authorization": "***",
        "cookie": "***",
        "x-team": "a",
    }
    assert kept.count("\n") > 10, "one readable line a field"
    assert json.loads(await read(await Replay(tmp_path)(ask(f"my key is {KEY}"))))


@pytest.mark.parametrize(
    "pieces",
    [
        [b'data: {"a": 1}\n\n', b"data: [DONE]\n\n"],
        ["größe".encode()[:3], "größe".encode()[3:]],
        [b"\xff\xfe", b"{}"],
    ],
)
async def test_a_stream_keeps_its_pieces(tmp_path: Path, pieces: list[bytes]) -> None:
    await record(tmp_path, pieces, "text/event-stream")
    assert await read(await Replay(tmp_path)(ask())) == b"|".join(pieces)


async def test_repeated_requests_are_answered_in_order_and_never_invented(tmp_path: Path) -> None:
    await record(tmp_path, b"1")
    await record(tmp_path, b"2")
    replay = Replay(tmp_path)
    assert [await read(await replay(ask())) for _ in range(2)] == [b"1", b"2"]
    with pytest.raises(NotFoundError, match="holds 2 replies to this request"):
        await replay(ask())


async def test_the_order_of_fields_does_not_matter_and_an_unknown_request_is_explained(
    tmp_path: Path,
) -> None:
    await record(tmp_path, b"1", text="hi")
    body = b'{ "text" : "hi" }'
    assert await read(await Replay(tmp_path)(Outbound(url=ask().url, body=body))) == b"1"
    with pytest.raises(NotFoundError, match=r'- "text": "hi"\n\+ "text": "ho"'):
        await Replay(tmp_path)(ask("ho"))
    with pytest.raises(NotFoundError, match="holds no exchange"):
        await Replay(tmp_path / "none")(ask())


async def test_a_file_that_is_no_exchange_is_named(tmp_path: Path) -> None:
    (tmp_path / "0001.json").write_text('{"request": {}}')
    with pytest.raises(ConfigError, match=r"0001\.json: is no exchange"):
        await Replay(tmp_path)(ask())


async def test_a_client_runs_on_recorded_exchanges(tmp_path: Path) -> None:
    answer = {"choices": [{"message": {"content": "Trieste"}, "finish_reason": "stop"}]}
    memory = Memory(
        lambda _: (200, {"content-type": "application/json"}, json.dumps(answer).encode())
    )
    vendors = {"wall": {"base_url": "http://wall/v1", "key": KEY}}
    for inner in (memory, None):
        replay = Replay(tmp_path, inner)
        async with AsyncSeawall(
            vendors=vendors, ledger=False, transports={"http": replay}
        ) as client:
            assert (await client.chat("A harbour?", model="wall/any")).text == "Trieste"
    assert len(memory.requests) == 1
    assert KEY not in "".join(file.read_text() for file in tmp_path.iterdir())
