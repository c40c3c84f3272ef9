"""A key is never in what a call leaves behind, even when the provider repeats it."""

from __future__ import annotations

import logging
import pickle
import traceback
from pathlib import Path
from typing import Any

import msgspec
import pytest
from layers_world import HOLD, Answer, World, error, events, finish, piece, whole

from seawall import AsyncSeawall, ConfigError, Fault
from seawall import errors as e
from seawall.sinks import Ledger

KEY = "wall-5ecret-0123456789-key"
ECHO = f"Incorrect API key provided: {KEY}. Check your Bearer {KEY}"
JSON = {"content-type": "application/json"}


def _echo(status: int, **more: Any) -> Answer:
    body = msgspec.json.encode({"error": {"message": ECHO, "code": KEY, "param": KEY}})
    headers = JSON | {"www-authenticate": f"Bearer {KEY}", "location": f"http://x/?key={KEY}"}
    return Answer(status=status, headers=headers, steps=(body,), **more)


FAILURES = {
    "401": _echo(401),
    "400": _echo(400),
    "404": _echo(404),
    "429": _echo(429),
    "503": _echo(503),
    "redirect": _echo(307),
    "plain": Answer(status=401, headers={"content-type": "text/plain"}, steps=(ECHO.encode(),)),
    "long": error(503, "x" * 970 + ECHO),
    "cut body": error(503, "x" * 1930 + ECHO),
    "error in 200": Answer(
        steps=(msgspec.json.encode({"error": {"message": ECHO}}),), headers=JSON
    ),
    "no JSON": Answer(steps=(ECHO.encode(),), headers=JSON),
    "HTML": Answer(steps=(ECHO.encode(),), headers={"content-type": "text/html"}),
    "transport": Answer(fault=e.ConnectionFault(f"reset by {KEY}")),
    "late": Answer(after=1e6),
    "in band": events(b'data: {"error": {"message": "' + ECHO.encode() + b'"}}\n\n'),
    "in band, later": events(
        piece("to"), b'data: {"error": {"message": "' + ECHO.encode() + b'"}}\n\n'
    ),
    "reset": events(piece("to"), e.ConnectionFault(f"reset by {KEY}")),
    "stall": events(piece("to"), HOLD),
    "unreadable": events(piece("to"), b"data: " + ECHO.encode() + b"\n\n", piece("ken")),
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", FAILURES)
@pytest.mark.parametrize(
    "vendor",
    [
        {"key": KEY},
        {"key": KEY, "auth_header": "x-api-key", "auth_scheme": ""},
        {"headers": {"x-api-key": KEY}},
    ],
    ids=["bearer", "x-api-key", "header"],
)
async def test_no_failure_tells_the_key(
    vendor: Any, name: str, stream: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(a=FAILURES[name])
    client = world.client(vendors={"a": vendor}, ledger={"dir": str(tmp_path)})
    options: Any = {"retry": {"attempts": 2}, "breaker": {"failures": 1}, "deadline": 30}
    ask = client.stream("?", **options).reply() if stream else client.chat("?", **options)
    with caplog.at_level(logging.DEBUG), pytest.raises(Fault) as raised:
        await world.clock.run(ask)
    fault = raised.value
    await client.aclose()
    assert KEY in str(world.asked[0].headers)  # it was sent
    told = [
        str(fault),
        repr(fault),
        repr(vars(fault)),
        repr(dict(fault.headers)),
        repr(fault.args),
        fault.body.decode(),
        msgspec.json.encode(fault.decision).decode(),
        traceback.format_exc(),
        repr(client.assembly.circuits),
        caplog.text,
        pickle.dumps(fault).decode("latin-1"),
        *_files(tmp_path),
    ]
    for text in told:
        assert KEY not in text
        assert KEY[:12] not in text


def _files(directory: Path) -> list[str]:
    with Ledger.open(directory) as ledger:
        rows = [repr(ledger.calls(contents=True))]
    paths = [path for path in directory.rglob("*") if path.is_file()]
    return rows + [path.read_bytes().decode("latin-1") for path in paths]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "answer",
    [
        error(401),
        error(503),
        whole("{"),
        events(piece("to"), HOLD),
        Answer(fault=e.ConnectionFault("reset")),
        Answer(after=1e6),
    ],
)
async def test_tracebacks_with_local_variables_do_not_show_it(
    answer: Answer, stream: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WALL_KEY", KEY)
    world = World(a=answer)
    client = world.client(vendors={"a": {"key": "${WALL_KEY}"}})
    options: Any = {"retry": False, "deadline": 5, "output": list[int], "reasks": 0}
    ask = client.stream("?", **options).reply() if stream else client.chat("?", **options)
    with pytest.raises(Fault) as raised:
        await world.clock.run(ask)
    told = _locals_of(raised.value)
    assert KEY not in told


@pytest.mark.parametrize(
    "settings",
    [
        {"config": "broken.toml"},
        {"config": "absent.toml"},
        {"models": {"smart": {"rout": []}}},
        {"defaults": {"retry": {"attempts": "many"}}},
        {"vendors": {"wall": {"base_url": "${NO_SUCH_URL}"}}},
    ],
)
def test_nor_do_those_of_wrong_settings(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.toml").write_text("a = ")
    (tmp_path / ".env").write_text(f"OTHER_KEY={KEY}")
    monkeypatch.setenv("WALL_API_KEY", KEY)
    monkeypatch.setenv("SEAWALL_VENDORS__WALL__KEY", KEY)
    with pytest.raises(ConfigError) as raised:
        AsyncSeawall(env_file=".env", **settings)
    assert KEY not in _locals_of(raised.value)
    assert KEY not in str(raised.value)


def _locals_of(error_: BaseException) -> str:
    """What a traceback with local variables shows of Seawall's own frames."""
    told = traceback.TracebackException.from_exception(error_, capture_locals=True)
    frames = [frame for frame in told.stack if "/seawall/" in frame.filename]
    assert frames
    return "".join(
        f"{name} = {value}\n" for f in frames for name, value in (f.locals or {}).items()
    )


async def test_what_is_no_key_is_not_masked() -> None:
    world = World(a=error(503, "a key is a key, says me"))
    client = world.client(vendors={"a": {"key": "key"}})
    with pytest.raises(Fault, match="a key is a key"):
        await world.clock.run(client.chat("?"))


async def test_a_finished_reply_and_its_client_show_no_key(tmp_path: Path) -> None:
    world = World(a=[whole(), events(piece("fine"), finish())])
    client = world.client(vendors={"a": {"key": KEY}}, ledger={"dir": str(tmp_path)})
    reply = await world.clock.run(client.chat("?"))
    streamed = await world.clock.run(client.stream("?").reply())
    assembly = client.assembly
    route = assembly.router.route("a/m")
    told = [
        repr(each)
        for each in (
            reply,
            streamed,
            reply.decision,
            reply.response,
            route,
            route.headers,
            assembly.settings,
            assembly.sources,
            assembly.sources.layers,
            f"{route.headers[-1][1]:>40}",
        )
    ]
    await client.aclose()
    for text in told + _files(tmp_path):
        assert KEY not in text
