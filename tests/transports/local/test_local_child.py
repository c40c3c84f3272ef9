"""The child process: started once, shared, gone when nobody uses it, replaced when it dies."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from local_world import ENDLESS, ask, fresh_runtime, question, watch, whole

from seawall.errors import (
    ConfigError,
    ConnectionFault,
    NotFoundError,
    ProviderError,
    SeawallError,
)
from seawall.ports import Outbound
from seawall.transports.http import Http
from seawall.transports.local import Engine, Local, status, transport
from seawall.transports.local.lease import Child, Lease
from seawall.transports.local.runtime import runtime_dir

User = Callable[..., Coroutine[Any, Any, asyncio.subprocess.Process]]


@pytest.fixture
def runtime() -> Iterator[Path]:
    """No test joins a child of the one before."""
    with fresh_runtime() as directory:
        yield directory


@pytest.fixture
async def user(runtime: Path, weights: Path) -> AsyncIterator[User]:
    """Start another process that uses the model; killed at the end."""
    started: list[asyncio.subprocess.Process] = []

    async def start(task: str, *, grace: float = 30.0) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(Path(__file__).with_name("local_user.py")),
            *(task, "smollm2-135m", str(grace)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def heard(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(60):
        return (await process.stdout.readline()).decode().strip()


async def test_a_child_that_is_killed_in_mid_stream_is_a_fault_and_the_next_call_has_a_new_one(
    local: Local, runtime: Path
) -> None:
    inbound = await local(question(stream=True, **ENDLESS))
    await inbound.read()
    watched = await watch(runtime)
    os.kill(watched.child.pid, signal.SIGKILL)
    await watched.death()
    with pytest.raises(ConnectionFault, match=f"process {watched.child.pid} that ran") as caught:
        await whole(inbound)
    assert caught.value.retry
    assert caught.value.reroute == "any"

    code, _ = await ask(local, "Say hi.", max_tokens=1)
    assert code == 200
    second = await watch(runtime)
    second.leave()
    assert second.child.pid != watched.child.pid


async def test_a_child_that_is_killed_before_it_answers_is_a_fault(
    local: Local, runtime: Path
) -> None:
    await ask(local, "Say hi.", max_tokens=1)
    watched = await watch(runtime)
    call = asyncio.create_task(ask(local, "Count from 1 to 500.", **ENDLESS))
    await asyncio.sleep(0.1)
    os.kill(watched.child.pid, signal.SIGKILL)
    with pytest.raises(ConnectionFault):
        await call
    await watched.death()


async def test_of_processes_that_race_one_starts_the_child_and_all_share_it(
    user: User, runtime: Path
) -> None:
    racers = await asyncio.gather(*(user("join") for _ in range(3)))
    assert [await heard(racer) for racer in racers] == ["ready"] * 3
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write(b"\n")
    assert [await heard(racer) for racer in racers] == ["200"] * 3
    assert len(list(runtime.glob("*.sock"))) == 1
    (log,) = runtime.glob("*.log")
    assert log.read_text().count("model loaded") == 1


async def test_the_child_ends_after_its_grace_though_its_users_were_killed(
    user: User, runtime: Path
) -> None:
    holder = await user("hold", grace=0.5)
    assert await heard(holder) == "200"
    streamer = await user("stream", grace=0.5)
    assert await heard(streamer) == "streaming"
    watched = await watch(runtime)
    assert watched.child.leases == 2

    holder.kill()
    await holder.wait()
    while (await watched.look()).leases > 1:
        await asyncio.sleep(0.01)
    streamer.kill()
    await watched.death()
    assert not list(runtime.glob("*.sock"))


async def test_asking_for_the_status_keeps_no_child_alive(
    make: Callable[..., Local], runtime: Path
) -> None:
    local = make(engine=Engine(context=1024, threads=1, grace=1.0))
    await ask(local, "Say hi.", max_tokens=1)
    watched = await watch(runtime)
    (found,) = status()
    assert (found.model, found.pid, found.users) == ("smollm2-135m", watched.child.pid, 1)

    await local.aclose()
    while status():
        await asyncio.sleep(0.05)
    await watched.death()


async def test_calls_from_several_loops_and_objects_share_one_child(
    local: Local, make: Callable[..., Local], runtime: Path
) -> None:
    await asyncio.gather(*(ask(local, "Say hi.", max_tokens=1) for _ in range(3)))
    await asyncio.to_thread(asyncio.run, _elsewhere())
    await ask(make(), "Say hi.", max_tokens=1)
    watched = await watch(runtime)
    watched.leave()
    assert watched.child.leases == 2


async def _elsewhere() -> None:
    http = Http(environ={})
    engine = Engine(context=1024, threads=1, grace=30, start=60)
    local = Local("smollm2-135m", http, engine=engine)
    code, _ = await ask(local, "Say hi.", max_tokens=1)
    assert code == 200
    await local.aclose()
    await http.aclose()


async def test_a_cancelled_first_call_does_not_stop_the_start(local: Local, runtime: Path) -> None:
    call = asyncio.create_task(ask(local, "Say hi.", max_tokens=1))
    await asyncio.sleep(0.05)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    code, _ = await ask(local, "Say hi.", max_tokens=1)
    assert code == 200
    (log,) = runtime.glob("*.log")
    assert log.read_text().count("model loaded") == 1


async def test_a_wish_spelled_as_another_number_is_the_same_child(
    make: Callable[..., Local],
) -> None:
    for grace in (30, 30.0):
        await ask(make(engine=Engine(context=256, threads=1, grace=grace)), "Hi.", max_tokens=1)
    assert [child.users for child in status()] == [2]


async def test_a_socket_that_a_dead_child_left_is_replaced(local: Local, runtime: Path) -> None:
    await ask(local, "Say hi.", max_tokens=1)
    watched = await watch(runtime)
    (path,) = runtime.glob("*.sock")
    os.kill(watched.child.pid, signal.SIGKILL)
    await watched.death()
    assert path.exists()
    assert status() == ()
    code, _ = await ask(local, "Say hi.", max_tokens=1)
    assert code == 200


async def test_a_start_outlives_the_process_that_began_it(user: User, local: Local) -> None:
    """The lock stays with the child, so nobody starts a second one meanwhile."""
    starter = await user("join")
    assert await heard(starter) == "ready"
    assert starter.stdin is not None
    starter.stdin.write(b"\n")
    runtime = runtime_dir()
    while not list(runtime.glob("*.log")):
        await asyncio.sleep(0.005)
    starter.kill()
    await starter.wait()
    code, _ = await ask(local, "Say hi.", max_tokens=1)
    assert code == 200
    assert len(status()) == 1


async def test_the_child_is_reached_on_loopback_with_its_key_alone(
    local: Local, http: Http, runtime: Path
) -> None:
    await ask(local, "Say hi.", max_tokens=1)
    watched = await watch(runtime)
    watched.leave()
    assert watched.child.url.startswith("http://127.0.0.1:")
    refused = await http(
        Outbound(url=f"{watched.child.url}/v1/chat/completions", body=question().body)
    )
    assert refused.status == 401
    await whole(refused)
    (path,) = runtime.glob("*.sock")
    assert path.stat().st_mode & 0o077 == 0
    assert runtime.stat().st_mode & 0o077 == 0


async def test_the_log_of_a_child_that_lives_long_is_bounded(local: Local, runtime: Path) -> None:
    await ask(local, "Say hi.", max_tokens=1)
    (log,) = runtime.glob("*.log")
    with log.open("ab") as file:
        file.write(bytes(2_000_000))
    watched = await watch(runtime)
    await watched.look()
    watched.leave()
    assert log.stat().st_size < 2_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_no_key_of_the_caller_reaches_the_child(
    local: Local, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-private")
    await ask(local, "Say hi.", max_tokens=1)
    watched = await watch(runtime)
    watched.leave()
    told = Path(f"/proc/{watched.child.pid}")
    assert b"sk-private" not in (told / "environ").read_bytes()
    assert watched.child.key.encode() not in (told / "cmdline").read_bytes()


async def test_a_truncated_file_is_told_in_llama_cpps_own_words(
    make: Callable[..., Local], weights: Path, tmp_path: Path
) -> None:
    path = tmp_path / "cut.gguf"
    path.write_bytes(weights.read_bytes()[:50_000_000])
    with pytest.raises(ProviderError, match="corrupted or incomplete") as caught:
        await ask(make(str(path)), "Say hi.")
    assert str(path) in caught.value.message
    assert not caught.value.retry
    assert caught.value.reroute == "any"


async def test_a_missing_file_is_not_found_and_another_route_may_help(
    make: Callable[..., Local], tmp_path: Path
) -> None:
    with pytest.raises(NotFoundError, match=f"{tmp_path}/none.gguf cannot be read") as caught:
        await ask(make(f"{tmp_path}/none.gguf"), "Say hi.")
    assert caught.value.reroute == "any"


async def test_the_default_gives_way_to_a_fallback_that_is_there(
    make: Callable[..., Local],
    weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / weights.name).symlink_to(weights)
    monkeypatch.setenv("SEAWALL_CACHE", str(tmp_path))
    code, reply = await ask(make("qwen2.5-coder-1.5b"), "Say hi.", max_tokens=1)
    assert code == 200
    assert reply["model"] == "smollm2-135m"
    assert "the smaller smollm2-135m is used instead of qwen2.5-coder-1.5b" in caplog.text

    with pytest.raises(NotFoundError, match=r"seawall local pull qwen2.5-coder-0.5b"):
        await ask(make("qwen2.5-coder-0.5b"), "Say hi.")


async def test_a_load_that_takes_too_long_is_given_up(
    make: Callable[..., Local], runtime: Path
) -> None:
    local = make(engine=Engine(context=1024, threads=1, start=0.05))
    with pytest.raises(ProviderError, match=r"not ready within 0.05 s"):
        await ask(local, "Say hi.")
    assert status() == ()


async def test_without_the_extra_the_error_names_it(
    http: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r'pip install "seawall\[local\]"'):
        Local("smollm2-135m", http)


def test_a_runtime_directory_that_others_can_enter_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    assert runtime_dir().name == f"seawall-{os.getuid()}"
    with fresh_runtime() as directory:
        directory.mkdir(mode=0o755)
        with pytest.raises(SeawallError, match="chmod 700"):
            runtime_dir()
        directory.chmod(0o700)
        assert runtime_dir() == directory


def test_a_runtime_directory_too_long_for_a_socket_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(long))
    with pytest.raises(SeawallError, match="too long for a socket"):
        runtime_dir()


def test_a_lease_tells_whether_the_child_lives() -> None:
    ours, theirs = socket.socketpair()
    child = Child(url="", key="", pid=0, started=0, model="", path="")
    lease = Lease(ours, child)
    assert lease.held()
    theirs.close()
    assert not lease.held()
    lease.close()
    assert not lease.held()
