"""Run where the SDKs are installed: what a vendor's SDK carries and what plain HTTP carries come to
the same, for every vendor and fault: reply, fault, decision and ledger record."""

# pyright: reportMissingImports=false, reportAttributeAccessIssue=false
from __future__ import annotations

import asyncio
import contextlib
import gzip
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from clouds_world import ACCOUNT, ANTHROPIC, AWS, GEMINI, JSON, OPENAI, SSE, aws, dumped, sse
from http_peer import Visit, peer

from seawall import AsyncSeawall
from seawall.errors import Fault
from seawall.sinks import Ledger

VENDORS = {
    "openai": ("openai/gpt-5", "/v1", "openai"),
    "anthropic": ("anthropic/claude-sonnet-5", "", "anthropic"),
    "google": ("google/gemini-3.8-flash", "/v1beta", "gemini"),
    "azure": ("azure/mine", "/openai/v1", "openai"),
    "azure-deployments": ("azure-deployments/mine", "/openai", "openai"),
    "vertex-gemini": ("vertex/gemini-3.8-flash", "/v1", "gemini"),
    "vertex-claude": ("vertex/claude-sonnet-4-5@20250929", "/v1", "anthropic"),
    "vertex-express": ("vertex-express/gemini-3.8-flash", "/v1/publishers/google", "gemini"),
    "bedrock": ("bedrock/eu.anthropic.claude-sonnet-4-5-20250929-v1:0", "", "bedrock"),
    "bedrock-mantle": ("bedrock-mantle/anthropic.claude-opus-5", "/anthropic", "anthropic"),
    "groq": ("groq/openai/gpt-oss-20b", "/openai/v1", "openai"),
}

ERRORS = {
    "openai": {"error": {"message": "so it is", "type": "x", "code": "c", "param": None}},
    "anthropic": {"type": "error", "error": {"type": "x", "message": "so it is"}},
    "gemini": {"error": {"code": 400, "message": "so it is", "status": "UNKNOWN"}},
    "bedrock": {"message": "so it is"},
}


class Reply(NamedTuple):
    """Bytes, and what the server does after them."""

    data: bytes = b""
    then: str = "keep"


def head(
    status: int, headers: dict[str, str], body: bytes | None = b"", *, said: int = -1
) -> bytes:
    """A reply with its length; with ``None`` as the body, the head of a chunked one. Its connection
    closes: the other transport may ask once more where an old one was found closed."""
    lines = {"connection": "close"} | headers
    if body is None:
        lines["transfer-encoding"] = "chunked"
    else:
        lines["content-length"] = str(len(body) if said < 0 else said)
    told = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status} X\r\n{told}\r\n".encode() + (body or b"")


def chunks(pieces: list[bytes]) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)


class Case(NamedTuple):
    stream: bool
    replies: list[Reply]


def cases(dialect: str) -> dict[str, Case]:
    """What befalls a call, by name."""
    body = dumped({"openai": OPENAI, "gemini": GEMINI}.get(dialect, ANTHROPIC))
    kind = AWS if dialect == "bedrock" else SSE
    pieces = aws() if dialect == "bedrock" else sse(dialect)
    error = dumped(ERRORS[dialect])
    kept = {"connection": "keep-alive", "x-request-id": "r-1"}
    whole = Reply(head(200, {**JSON, **kept}, body))
    begun = head(200, kind, None)
    streamed = Reply(head(200, {**kind, **kept}, None) + chunks(pieces) + b"0\r\n\r\n")
    squeezed = gzip.compress(body)
    some = len(pieces) // 2
    cut = begun + chunks(pieces[:some])
    found = {
        "whole": Case(False, [whole]),
        "gzip": Case(False, [Reply(head(200, {**JSON, "content-encoding": "gzip"}, squeezed))]),
        "half of a gzip": Case(
            False,
            [Reply(head(200, {**JSON, "content-encoding": "gzip"}, squeezed[:-9]))] * 2,
        ),
        "stream": Case(True, [streamed]),
        "stream in one piece": Case(True, [whole]),
        "redirect": Case(False, [Reply(head(302, {"location": "http://127.0.0.1:1/"}))] * 2),
        "page": Case(False, [Reply(head(200, {"content-type": "text/html"}, b"<html>"))] * 2),
        "no JSON": Case(False, [Reply(head(200, JSON, b"{"))] * 2),
        "no HTTP": Case(False, [Reply(b"SSH-2.0-hello\r\n\r\n", "close")] * 2),
        "closed": Case(False, [Reply(b"", "close")] * 2),
        "reset": Case(False, [Reply(b"", "reset")] * 2),
        "reset, then whole": Case(False, [Reply(b"", "reset"), whole]),
        "closed inside the head": Case(False, [Reply(b"HTTP/1.1 200", "close")] * 2),
        "cut body": Case(False, [Reply(head(200, JSON, body[:9], said=99), "close")] * 2),
        "reset body": Case(False, [Reply(head(200, JSON, body[:9], said=99), "reset")] * 2),
        "silent": Case(False, [Reply(b"", "stall")] * 2),
        "stalled body": Case(False, [Reply(head(200, JSON, body[:9], said=99), "stall")] * 2),
        "broken chunk in a body": Case(
            False, [Reply(head(200, JSON, None) + b"oh\r\n", "close")] * 2
        ),
        "broken chunk": Case(True, [Reply(cut + b"oh\r\n", "close")]),
        "cut before content": Case(True, [Reply(begun, "close"), streamed]),
        "cut stream": Case(True, [Reply(cut, "close")]),
        "reset stream": Case(True, [Reply(cut, "reset")]),
        "stalled stream": Case(True, [Reply(cut, "stall")]),
        "ended early": Case(True, [Reply(cut + b"0\r\n\r\n")]),
        "cut error": Case(False, [Reply(head(503, JSON, error[:9], said=99), "close")] * 2),
        "error without a body": Case(False, [Reply(head(500, {}))] * 2),
        "limit, then whole": Case(
            False, [Reply(head(429, {**JSON, "retry-after": "0.01"}, error)), whole]
        ),
        "overloaded, then a stream": Case(True, [Reply(head(503, JSON, error)), streamed]),
    }
    for status in (400, 401, 403, 404, 408, 409, 422, 429, 500, 529):
        found[str(status)] = Case(False, [Reply(head(status, JSON, error))] * 2)
        found[f"{status} to a stream"] = Case(True, [Reply(head(status, JSON, error))] * 2)
    return found


class Upstream:
    """Answers each request with the next of ``replies``."""

    def __init__(self) -> None:
        self.replies: Iterator[Reply] = iter(())
        self.asked: list[tuple[str, dict[str, str], bytes]] = []

    async def __call__(self, visit: Visit) -> None:
        while True:
            first, headers, body = await visit.request()
            lower = {name.lower(): value for name, value in headers.items()}
            self.asked.append((first, lower, body))
            reply = next(self.replies)
            if reply.data:
                await visit.send(reply.data)
            if reply.then == "stall":
                await visit.ended()
            if reply.then == "reset":
                visit.reset()
            if reply.then != "keep":
                return


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ACCOUNT.items():
        monkeypatch.setenv(name, value)
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "GROQ_API_KEY"):
        monkeypatch.setenv(name, "sk-plain-0123456789")


BEARER = ("authorization", "api-key", "x-api-key")
#: What each transport's library words for itself.
WORDED = ("connection", "cut", "stream_cut", "malformed_reply")
SHORT = {"first_byte": 0.3, "first_token": 0.3, "idle": 0.3, "total": 20}
LONG = {"first_byte": 15, "first_token": 15, "idle": 15, "total": 20}


@contextlib.asynccontextmanager
async def asking(
    model: str, path: str, transport: str, directory: Path
) -> AsyncIterator[tuple[Upstream, AsyncSeawall]]:
    vendor = model.partition("/")[0]
    upstream = Upstream()
    async with peer(upstream) as it:
        own = {
            "base_url": f"http://127.0.0.1:{it.port}{path}", "transport": transport,
            "key": next((ACCOUNT[name] for name in KEYS.get(vendor, ())), "sk-plain-0123456789"),
        }  # fmt: skip
        seawall = AsyncSeawall(
            model=model,
            vendors={vendor: own},
            defaults={
                "breaker": False,
                "retry": {"attempts": 2, "base": 0, "budget": 100, "allowance": 1000},
            },
            ledger={"dir": str(directory / transport)},
        )
        async with seawall:
            yield upstream, seawall


KEYS = {
    "azure": ["AZURE_OPENAI_API_KEY"],
    "azure-deployments": ["AZURE_OPENAI_API_KEY"],
    "bedrock": ["AWS_BEARER_TOKEN_BEDROCK"],
    "bedrock-mantle": ["AWS_BEARER_TOKEN_BEDROCK"],
    "vertex": ["VERTEX_ACCESS_TOKEN"],
    "vertex-express": ["GOOGLE_API_KEY"],
}


async def outcome(seawall: AsyncSeawall, stream: bool, **options: Any) -> dict[str, Any]:
    pieces: list[str] = []
    try:
        if not stream:
            reply = await seawall.chat("Name a harbour.", **options)
        else:
            async with seawall.stream("Name a harbour.", **options) as answer:
                async for text in answer.text:
                    pieces.append(text)
                reply = await answer.reply()
    except Fault as fault:
        names = ("kind", "status", "retry", "reroute", "blames", "after", "until", "code", "param",
                 "request_id", "model", "dialect", "delivered", "body")  # fmt: skip
        told = {name: getattr(fault, name) for name in names} | {"type": type(fault).__name__}
        return told | {"pieces": pieces, "decision": _plain(fault.decision)}
    return {
        "response": msgspec.to_builtins(reply.response),
        "pieces": pieces,
        "decision": _plain(reply.decision),
    }


def _plain(decision: Any) -> Any:
    """Without what differs from one run to the next: times, and a library's words for what a
    connection did."""
    told = msgspec.to_builtins(decision)
    for attempt in told["attempts"]:
        for name in ("at", "took", "first_token"):
            attempt.pop(name, None)
        if attempt["outcome"] in WORDED:
            attempt.pop("reason", None)
    return told


def _record(row: Any) -> dict[str, Any]:
    told = msgspec.to_builtins(row)
    for name in ("id", "at", "ended_at", "latency", "first_token"):
        del told[name]
    if told["error_kind"] in WORDED:
        del told["error_message"]
    if told.get("decision"):
        told["decision"] = _plain(row.decision)
    return told


async def run(
    model: str, path: str, transport: str, wanted: dict[str, Case], directory: Path
) -> tuple[dict[str, Any], dict[str, Any], list[Any]]:
    """By name what came of each case; the ledger's records; what the upstream was asked."""
    found: dict[str, Any] = {}
    async with asking(model, path, transport, directory) as (upstream, seawall):
        for name, case in wanted.items():
            upstream.replies = iter(case.replies)
            stalls = any(reply.then == "stall" for reply in case.replies)
            deadline = SHORT if stalls else LONG
            found[name] = await outcome(seawall, case.stream, deadline=deadline, feature=name)
            left = len(list(upstream.replies))
            found[name]["replies left"] = left
    with Ledger.open(directory / transport) as ledger:
        rows = {row.feature: _record(row) for row in ledger.calls(limit=1000)}
    return found, rows, upstream.asked


@pytest.mark.parametrize("name", VENDORS)
async def test_the_sdk_and_plain_http_come_to_the_same(name: str, tmp_path: Path) -> None:
    model, path, dialect = VENDORS[name]
    wanted = cases(dialect)
    ours, theirs = await asyncio.gather(
        run(model, path, "http", wanted, tmp_path), run(model, path, "sdk", wanted, tmp_path)
    )
    (plain, plain_rows, plain_asked), (sdk, sdk_rows, sdk_asked) = ours, theirs
    differing = {case: (sdk[case], plain[case]) for case in wanted if sdk[case] != plain[case]}
    assert not differing
    assert sdk_rows == plain_rows
    assert sdk_rows.keys() == wanted.keys()
    for carried, asked in zip(sdk_asked, plain_asked, strict=True):
        assert carried[0] == asked[0], "another URL was asked"
        assert msgspec.json.decode(carried[2]) == msgspec.json.decode(asked[2])
        for header in ("authorization", "api-key", "x-api-key", "x-goog-api-key", "content-type",
                       "anthropic-version", "accept", "x-seawall-attempts-left"):  # fmt: skip
            if name in ("azure", "anthropic") and header in BEARER:
                continue  # these packages send a key as Bearer, which the vendors take too
            if header == "accept" and "accept" not in asked[1]:
                continue
            assert carried[1].get(header) == asked[1].get(header), header
    assert plain["whole"]["response"] == sdk["whole"]["response"]
