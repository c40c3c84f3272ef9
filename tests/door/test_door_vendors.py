"""The openai SDK answered by vendors of other dialects, and doors for other SDKs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import httpx2
import msgspec
import pytest
from door_world import MESSAGES, DoorWorld, faulty

import seawall
from seawall.client.door import libraries
from seawall.client.door.asked import asked
from seawall.client.door.places import place, without_key
from seawall.client.door.sdks import SDKS, speaking
from seawall.simulator import Script
from seawall.transports.memory import Memory

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL: Any = {"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}
BASES = {"anthropic": "http://two", "cohere": "http://two", "gemini": "http://two/v1beta"}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("dialect", BASES)
async def test_every_dialect_answers_openai(tmp_path: Path, dialect: str, stream: bool) -> None:
    vendors = {
        "one": {"base_url": "http://one/v1"},
        "two": {"base_url": BASES[dialect], "dialect": dialect, "transport": "two"},
    }
    world = DoorWorld(tmp_path, faulty("503"), Script(answer="from two"), vendors=vendors)
    assert await world.run(world.text(stream=stream)) == "from two"

    async def call() -> tuple[str, str]:
        chat: Any = world.sdk.chat.completions
        given: Any = {"model": "sim", "messages": MESSAGES, "tools": [TOOL]}
        if not stream:
            found = (await chat.create(**given)).choices[0].message.tool_calls[0].function
            return found.name, found.arguments
        name, arguments = "", ""
        async for chunk in await chat.create(**given, stream=True):
            for piece in chunk.choices[0].delta.tool_calls or ():
                name = name or piece.function.name
                arguments += piece.function.arguments or ""
        return name, arguments

    name, arguments = await world.run(call())
    assert (name, msgspec.json.decode(arguments)) == ("weather", {"city": "from two"})
    assert [row.model for row in await world.rows()] == ["two/sim", "two/sim"]


async def test_a_vendor_without_stream_options_is_not_given_any(tmp_path: Path) -> None:
    """Mistral answers 422 to what it does not know, whichever SDK asks there."""
    memory = Memory(lambda outbound: (503, {}, b"{}"))
    http = seawall.http_client(transport=memory, ledger={"dir": str(tmp_path)}, retry=False)
    for base in ("https://api.mistral.ai/v1", "https://api.openai.com/v1"):
        body = {"model": "m", "messages": MESSAGES, "stream": True}
        await http.post(f"{base}/chat/completions", json=body)
    mistral, openai = (msgspec.json.decode(sent.body) for sent in memory.requests)
    assert "stream_options" not in mistral
    assert openai["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize(
    ("url", "base", "path", "face"),
    [
        ("https://api.anthropic.com/v1/messages?beta=true", "https://api.anthropic.com",
         "/v1/messages", "anthropic"),
        ("https://api.anthropic.com/v1/messages/count_tokens", "https://api.anthropic.com",
         "/v1/messages/count_tokens", None),
        ("http://h/v1/threads/t/messages", "http://h", "/v1/threads/t/messages", None),
        ("http://h/v1/models/m:generateContent", "http://h/v1", "/models/m:generateContent",
         "gemini"),
        ("http://h/v1beta/tunedModels/m:generateContent", "http://h/v1beta",
         "/tunedModels/m:generateContent", "gemini"),
        ("http://h/v1beta/models/m:streamGenerateContent?alt=sse", "http://h/v1beta",
         "/models/m:streamGenerateContent", "gemini"),
        ("http://h/v1beta/models/m:streamGenerateContent", "http://h",
         "/v1beta/models/m:streamGenerateContent", None),
        ("http://h/v1beta/models/m:embedContent", "http://h", "/v1beta/models/m:embedContent",
         None),
        ("http://h/v2/chat", "http://h", "/v2/chat", "cohere"),
        ("http://h/v1/chat/completions#stream", "http://h/v1", "/chat/completions",
         "openai_chat"),
    ],
)  # fmt: skip
def test_where_requests_go(url: str, base: str, path: str, face: str | None) -> None:
    found = place("POST", url)
    assert (found.base, found.path) == (base, path)
    assert (None if found.face is None else found.face.name) == face
    assert found.url == url.partition("#")[0]
    assert place("GET", url).face is None


@pytest.mark.parametrize("path", ["v1beta/files", "v1/models/m:countTokens", "upload/v1beta/files"])
def test_only_googles_key_leaves_the_address(path: str) -> None:
    url, key = without_key(f"https://h/{path}?a=1&key=secret-0123456789&b=")
    assert url == f"https://h/{path}?a=1&b="
    assert key is not None
    assert key.reveal() == "secret-0123456789"
    other = "https://proxy/v1/chat/completions?key=theirs"
    assert without_key(other) == (other, None)


@pytest.mark.parametrize(
    ("agent", "package", "dialect", "known"),
    [
        ("AsyncOpenAI/Python 3.54.0", None, "openai_chat", "openai"),
        ("AzureOpenAI/Python 2.1.0", "anthropic", "openai_chat", "openai"),
        ("AsyncAnthropic/Python 0.25.9", None, "", "anthropic"),
        ("google-genai-sdk/3.4.0 gl-python/3.11.7", None, "gemini", "google-genai"),
        ("mistral-client-python/3.7.0", None, "openai_chat", "mistralai"),
        ("cohere/7.3.1", None, "cohere", "cohere"),
        ("my-app/1", None, "anthropic", "anthropic"),
        ("my-app/1", "mistralai", "openai_chat", "mistralai"),
        ("python-httpx2/2.16.2", None, "openai_chat", None),
        ("my-app/1", None, "", None),
    ],
)
def test_which_sdk_asks(agent: str, package: str | None, dialect: str, known: str | None) -> None:
    sdk = speaking(agent, package, dialect)
    assert (None if sdk is None else sdk.package) == known


def test_an_sdk_that_says_no_timeout_says_nothing() -> None:
    none: Any = {"connect": None, "read": None}
    url = "http://h/v1/models/m:generateContent"
    agent = (b"User-Agent", b"google-genai-sdk/3.4.0")
    assert asked("POST", url, [agent], b"{}", none).timeout == {}
    assert asked("POST", url, [(b"User-Agent", b"x")], b"{}", none, "openai").timeout == none


def _installed(monkeypatch: pytest.MonkeyPatch, needs: dict[str, list[str]]) -> None:
    def requires(name: str) -> list[str]:
        if name not in needs:
            raise libraries.PackageNotFoundError(name)
        return needs[name]

    monkeypatch.setattr(libraries, "requires", requires)


def test_the_library_is_that_of_the_sdks_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    extra = 'httpx<1.0.0,>=0.28.1; extra == "httpx"'
    _installed(monkeypatch, {"openai": ["httpx2>=2"], "google-genai": ["httpx2<3", extra]})
    assert libraries.library() is httpx2
    _installed(monkeypatch, {"anthropic": ["httpx<1,>=0.23.0"]})
    assert libraries.library() is httpx


def test_where_they_differ_one_has_to_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    _installed(monkeypatch, {"openai": ["httpx2>=2"], "cohere": ["httpx>=0.25.0"]})
    with pytest.raises(seawall.ConfigError, match="openai on httpx2, cohere on httpx") as caught:
        seawall.http_client(ledger=False)
    assert "http_client(sdk='openai')" in str(caught.value)
    assert type(seawall.http_client(sdk="cohere", ledger=False)) is httpx.AsyncClient
    assert type(seawall.http_client(sdk="openai", sync=True, ledger=False)) is httpx2.Client
    assert type(seawall.http_client(library=httpx, ledger=False)) is httpx.AsyncClient


def test_with_none_installed_the_module_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    _installed(monkeypatch, {})
    with pytest.raises(seawall.ConfigError, match="no official SDK is installed"):
        seawall.http_client(ledger=False)
    assert type(seawall.http_client(library=httpx2, ledger=False)) is httpx2.AsyncClient
    with pytest.raises(seawall.ConfigError, match="mistralai"):
        seawall.http_client(sdk="mistral", ledger=False)


def test_every_sdk_is_known_by_its_own_name() -> None:
    names = [sdk.package for sdk in SDKS]
    assert names == ["openai", "anthropic", "google-genai", "mistralai", "cohere"]
