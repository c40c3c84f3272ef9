from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from email.utils import formatdate
from pathlib import Path
from time import time

import pytest
import trustme
from cli_doctor import made_up

from seawall.cli.doctor import endpoints
from seawall.cli.doctor.findings import Finding
from seawall.cli.doctor.setup import load

KEY = made_up("sk-", seed=5)
Answer = Callable[[bytes], Awaitable[bytes | None]]


def reply(status: str = "200 OK", body: str = '{"data": []}', **headers: str) -> bytes:
    headers = {"content-type": "application/json", "content-length": str(len(body))} | headers
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", body]).encode()


def always(answer: bytes) -> Answer:
    async def give(head: bytes) -> bytes:
        return answer

    return give


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[int]:
    """A server on loopback; ``answer`` makes a reply of a request's head, or none at all."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            text = await answer(await reader.readuntil(b"\r\n\r\n"))
            if text is None:
                await reader.read()
            else:
                writer.write(text)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def settings(path: Path, **vendors: str) -> Path:
    """Each vendor's base_url; its key is in ``<NAME>_KEY``."""
    file = path / "seawall.toml"
    file.write_text(
        "".join(
            f'[vendors.{name}]\nbase_url = "{url}"\nkey = "${{{name.upper()}_KEY}}"\n'
            for name, url in vendors.items()
        )
    )
    return file


async def ask(path: Path, **vendors: str) -> list[endpoints.Answer]:
    setup, problems = load(str(settings(path, **vendors)), None)
    assert problems == []
    answers = await endpoints.check(setup)
    assert KEY not in repr(answers)
    return answers


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WALL_KEY", "WALL2_KEY"):
        monkeypatch.setenv(name, KEY)


async def judged(path: Path, answer: bytes) -> Finding:
    async with serving(always(answer)) as port:
        [found] = await ask(path, wall=f"http://127.0.0.1:{port}/v1")
    return found.finding


async def test_a_reachable_endpoint_is_asked_for_its_models_with_the_key(tmp_path: Path) -> None:
    heads: list[bytes] = []

    async def answer(head: bytes) -> bytes:
        heads.append(head)
        return reply()

    async with serving(answer) as port:
        [found] = await ask(tmp_path, wall=f"http://127.0.0.1:{port}/v1/")
    assert found.finding.level == "ok"
    assert found.finding.title == "wall"
    assert found.finding.detail.startswith(f"127.0.0.1:{port} answers in ")
    assert heads[0].startswith(b"GET /v1/models HTTP/1.1\r\n")
    assert f"authorization: Bearer {KEY}\r\n".encode() in heads[0]


@pytest.mark.parametrize(
    ("answer", "level", "says"),
    [
        (reply("401 Unauthorized"), "fail", "refuses the key from"),
        (reply("403 Forbidden"), "fail", "does not let in the key from"),
        (reply("404 Not Found"), "ok", "lists no models (404)"),
        (reply("301 Moved", location="https://other/v1"), "warn", "with a redirect (301)"),
        (reply("429 Too Many Requests"), "warn", "too many questions"),
        (reply("503 Service Unavailable"), "warn", "in trouble (503)"),
        (reply(**{"content-type": "text/html; charset=utf-8"}), "warn", "with a web page"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "fail", ""),
    ],
)
async def test_an_answer_is_judged(tmp_path: Path, answer: bytes, level: str, says: str) -> None:
    found = await judged(tmp_path, answer)
    assert found.level == level
    assert says in found.detail
    assert found.remedy or level == "ok"


@pytest.mark.parametrize(
    ("vendor", "asked", "answer"),
    [
        ("anthropic", b"GET /v1/models?limit=1000 ", reply("401 Unauthorized")),
        (
            "google",
            b"GET /models?pageSize=1000 ",
            reply(
                "400 Bad Request",
                '{"error": {"code": 400, "message": "API key not valid.", "status": '
                '"INVALID_ARGUMENT", "details": [{"@type": "type.googleapis.com/google.rpc.'
                'ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"}]}}',
            ),
        ),
    ],
)
async def test_each_dialect_is_asked_and_judged_in_its_own_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, vendor: str, asked: bytes, answer: bytes
) -> None:
    monkeypatch.setenv(f"{vendor.upper()}_KEY", KEY)
    heads: list[bytes] = []

    async def judge(head: bytes) -> bytes:
        heads.append(head)
        return answer

    async with serving(judge) as port:
        found = await ask(tmp_path, **{vendor: f"http://127.0.0.1:{port}"})
    [finding] = [each.finding for each in found if each.finding.title == vendor]
    assert finding.level == "fail"
    assert "refuses the key from" in finding.detail
    assert heads[0].startswith(asked)


async def test_a_redirect_says_where_it_leads(tmp_path: Path) -> None:
    found = await judged(tmp_path, reply("308 Permanent", location="https://other/v1"))
    assert found.remedy.endswith("https://other/v1")


async def test_an_endpoint_that_wants_a_key_it_was_not_told_of(tmp_path: Path) -> None:
    async with serving(always(reply("401 Unauthorized"))) as port:
        file = tmp_path / "seawall.toml"
        file.write_text(f'[vendors.wall]\nbase_url = "http://127.0.0.1:{port}"\n')
        [found] = await endpoints.check(load(str(file), None)[0])
    assert found.finding.level == "fail"
    assert "wants a key" in found.finding.detail
    assert "[vendors.wall]" in found.finding.remedy


async def test_nothing_listens(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        [found] = await ask(tmp_path, wall=f"http://127.0.0.1:{port}/v1")
    assert found.finding.level == "fail"
    assert f"127.0.0.1:{port}" in found.finding.detail
    assert "[vendors.wall]" in found.finding.remedy


async def test_a_name_that_does_not_resolve(tmp_path: Path) -> None:
    [found] = await ask(tmp_path, wall="http://nothing.invalid/v1")
    assert found.finding.level == "fail"
    assert "nothing.invalid" in found.finding.detail


async def test_tls_where_there_is_none(tmp_path: Path) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(reply("400 Bad Request"))
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        [found] = await ask(tmp_path, wall=f"https://127.0.0.1:{port}/v1")
    assert found.finding.level == "fail"
    assert "TLS" in found.finding.detail


async def test_a_certificate_that_nobody_vouches_for(tmp_path: Path) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as server:
        port = server.sockets[0].getsockname()[1]
        [found] = await ask(tmp_path, wall=f"https://127.0.0.1:{port}/v1")
    assert found.finding.level == "fail"
    assert "is not trusted" in found.finding.detail
    assert "SSL_CERT_FILE" in found.finding.detail


async def test_an_unusable_address(tmp_path: Path) -> None:
    [found] = await ask(tmp_path, wall="ftp://somewhere/v1")
    assert found.finding.level == "fail"
    assert "ftp://somewhere/v1" in found.finding.detail
    assert found.finding.remedy


async def test_a_proxy_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    [found] = await ask(tmp_path, wall="http://api.example/v1")
    assert found.finding.level == "fail"
    assert "HTTP_PROXY" in found.finding.detail


async def test_silence_ends_at_the_deadline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoints, "DEADLINE", 0.2)

    async def silence(head: bytes) -> None:
        return None

    async with serving(silence) as port:
        [found] = await ask(tmp_path, wall=f"http://127.0.0.1:{port}/v1")
    assert found.finding.level == "fail"
    assert "gave no answer in 0.2 s" in found.finding.detail


async def test_all_are_asked_at_once(tmp_path: Path) -> None:
    both = asyncio.Barrier(2)

    async def together(head: bytes) -> bytes:
        await both.wait()
        return reply()

    async with serving(together) as one, serving(together) as two:
        urls = {"wall": f"http://127.0.0.1:{one}", "wall2": f"http://127.0.0.1:{two}"}
        found = await ask(tmp_path, **urls)
    assert [answer.finding.level for answer in found] == ["ok", "ok"]


async def test_only_those_with_a_key_are_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WALL_KEY")
    assert await ask(tmp_path, wall="http://127.0.0.1:1/v1") == []


@pytest.mark.parametrize("ahead", [0, 3600, -3600])
async def test_the_server_s_clock_is_compared(tmp_path: Path, ahead: int) -> None:
    answer = reply(date=formatdate(time() + ahead, usegmt=True))
    async with serving(always(answer)) as port:
        [found] = await ask(tmp_path, wall=f"http://127.0.0.1:{port}")
    assert found.skew == pytest.approx(ahead, abs=5)


@pytest.mark.parametrize("headers", [{}, {"date": "yesterday"}, {"age": "7", "date": formatdate()}])
async def test_a_date_that_tells_nothing_is_passed_over(
    tmp_path: Path, headers: dict[str, str]
) -> None:
    async with serving(always(reply(**headers))) as port:
        [found] = await ask(tmp_path, wall=f"http://127.0.0.1:{port}")
    assert found.skew is None
