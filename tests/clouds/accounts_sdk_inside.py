"""Run where the SDKs are installed: they sign in as each cloud wants it, without a key of ours, and
a client of the user's own does what its owner set it to."""

# pyright: reportMissingImports=false, reportAttributeAccessIssue=false
from __future__ import annotations

import asyncio
import contextlib
import datetime
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from anthropic import AnthropicBedrock, AsyncAnthropicBedrock, AsyncAnthropicVertex
from aws_events_strategies import MESSAGES, written
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.eventstream import EventStreamBuffer
from clouds_tokens import Tokens
from clouds_world import ACCOUNT, ANTHROPIC, GEMINI, JSON, OPENAI, dumped
from google import genai
from google.oauth2.credentials import Credentials as GoogleCredentials
from http_peer import peer
from hypothesis import given, settings
from parity_sdk_inside import Reply, Upstream, head

from seawall import AsyncSeawall, ConfigError
from seawall.errors import AuthenticationError, ConnectionFault, Fault, TimeoutFault
from seawall.framing.aws_events import AwsEvents, write_message

CLAUDE = "bedrock/eu.anthropic.claude-sonnet-4-5-20250929-v1:0"


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No key, and no credentials of whoever runs this."""
    for name in ("AWS_BEARER_TOKEN_BEDROCK", "AWS_PROFILE", "AWS_SESSION_TOKEN", *ACCOUNT):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "harbour-1")
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("HOME", str(tmp_path))


def whole(body: Any) -> Reply:
    return Reply(head(200, JSON, dumped(body)))


@contextlib.asynccontextmanager
async def upstream(*replies: Reply) -> AsyncIterator[tuple[Upstream, str]]:
    answering = Upstream()
    answering.replies = iter(replies)
    async with peer(answering) as it:
        yield answering, f"http://127.0.0.1:{it.port}"


def by_sdk(model: str, url: str, **options: Any) -> AsyncSeawall:
    vendor = model.partition("/")[0]
    own = {"base_url": url, "transport": "sdk"}
    return AsyncSeawall(
        model=model, vendors={vendor: own}, ledger=False, defaults={"retry": False}, **options
    )


# AWS


@pytest.mark.parametrize("session", [None, "session-token"])
@pytest.mark.parametrize("model", [CLAUDE, "bedrock/arn:aws:bedrock:eu-central-1:1:x/eu.a"])
async def test_a_signature_of_awss_is_the_one_botocore_makes(
    model: str, session: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI")
    if session:
        monkeypatch.setenv("AWS_SESSION_TOKEN", session)
    async with upstream(whole(ANTHROPIC)) as (asked, url), by_sdk(model, url) as seawall:
        assert (await seawall.chat("Grüße 🌊")).text == "Trieste."
    first, headers, body = asked.asked[0]
    signed = headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    request = AWSRequest(
        method="POST",
        url=url + first.split(" ")[1],
        headers={name: headers[name] for name in signed},
        data=body,
    )
    made = datetime.datetime.strptime(headers["x-amz-date"], "%Y%m%dT%H%M%SZ")
    auth = SigV4Auth(
        Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI", session), "bedrock", "eu-central-1"
    )
    request.context["timestamp"] = made.strftime("%Y%m%dT%H%M%SZ")
    # The steps of add_auth but for the first, which asks the clock.
    canonical = auth.canonical_request(request)
    expected = auth.signature(auth.string_to_sign(request, canonical), request)
    assert headers["authorization"].endswith(f"Signature={expected}")
    assert "x-seawall-deadline-ms" in signed, "what was added is signed too"


async def test_without_credentials_another_route_takes_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_REGION", "us-east-2")  # the anthropic package keeps sessions, by region
    async with upstream(whole(OPENAI)) as (_, url):
        wall = {"wall": {"base_url": f"{url}/v1"}}
        async with AsyncSeawall(
            vendors={"bedrock": {"transport": "sdk"}, **wall}, ledger=False
        ) as seawall:
            with pytest.raises(AuthenticationError, match="credentials") as caught:
                await seawall.chat("hi", model=CLAUDE)
            assert len(caught.value.decision.attempts) == 1
            reply = await seawall.chat("hi", model=[CLAUDE, "wall/any"])
            assert reply.model == "wall/any"


@settings(max_examples=40)
@given(MESSAGES)
def test_botocore_reads_what_we_read(sent: Any) -> None:
    stream = b"".join(written(headers, payload) for headers, payload in sent)
    theirs = EventStreamBuffer()
    theirs.add_data(stream)
    expected = [(event.headers, event.payload) for event in theirs]
    assert [tuple(message) for message in AwsEvents().feed(stream)] == expected


def test_botocore_reads_what_we_write() -> None:
    theirs = EventStreamBuffer()
    theirs.add_data(write_message({":message-type": "event", "ü": "🌊"}, b"payload"))
    (event,) = theirs
    assert (event.headers, event.payload) == ({":message-type": "event", "ü": "🌊"}, b"payload")


# Google: tokens from a token server on loopback


@pytest.fixture
def tokens() -> Iterator[Tokens]:
    found = Tokens()
    thread = threading.Thread(target=found.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield found
    found.server.shutdown()
    thread.join()
    found.server.server_close()


@pytest.fixture
def signed_in(tokens: Tokens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tokens:
    """Application default credentials of a user, whose tokens come from ``tokens``."""
    file = tmp_path / "credentials.json"
    file.write_bytes(
        dumped(
            {"type": "authorized_user", "client_id": "c", "client_secret": "s",
             "refresh_token": "r", "token_uri": tokens.url}
        )
    )  # fmt: skip
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    monkeypatch.setattr("google.oauth2.credentials._GOOGLE_OAUTH2_TOKEN_ENDPOINT", tokens.url)
    return tokens


@pytest.mark.parametrize(
    ("model", "body"),
    [("vertex/gemini-3.8-flash", GEMINI), ("vertex/claude-sonnet-4-6", ANTHROPIC)],
)
async def test_a_token_is_fetched_kept_and_renewed(
    model: str, body: Any, signed_in: Tokens
) -> None:
    replies = [whole(body)] * 4
    async with upstream(*replies) as (asked, url), by_sdk(model, f"{url}/v1") as seawall:
        for _ in range(2):
            assert (await seawall.chat("hi")).text == "Trieste."
        kept = [headers["authorization"] for _, headers, _ in asked.asked]
        assert len(set(kept)) == 1
        assert kept[0] == f"Bearer token-{signed_in.given}"
        assert "projects/harbour-1/locations/global/" in asked.asked[0][0]
    # A client whose token is about to end gets another before it asks again.
    signed_in.seconds = 1
    async with upstream(*replies) as (asked, url), by_sdk(model, f"{url}/v1") as seawall:
        for _ in range(2):
            assert (await seawall.chat("hi")).text == "Trieste."
        used = [headers["authorization"] for _, headers, _ in asked.asked]
        assert len(set(used)) == 2


@pytest.mark.parametrize("model", ["vertex/gemini-3.8-flash", "vertex/claude-sonnet-4-6"])
async def test_a_token_server_that_fails_is_a_fault(model: str, signed_in: Tokens) -> None:
    signed_in.status = 400
    async with upstream() as (asked, url), by_sdk(model, f"{url}/v1") as seawall:
        with pytest.raises((AuthenticationError, ConnectionFault), match="did not send"):
            await seawall.chat("hi")
    assert asked.asked == []


# Azure: an identity that its host manages


@pytest.mark.parametrize("model", ["azure/mine", "azure-deployments/mine"])
async def test_an_identity_of_azures(
    model: str, tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IDENTITY_ENDPOINT", tokens.url)
    monkeypatch.setenv("IDENTITY_HEADER", "secret")
    async with (
        upstream(whole(OPENAI), whole(OPENAI)) as (asked, url),
        by_sdk(model, f"{url}/openai") as seawall,
    ):
        for _ in range(2):
            assert (await seawall.chat("hi")).text == "Trieste."
    sent = [headers["authorization"] for _, headers, _ in asked.asked]
    assert sent == ["Bearer token-1"] * 2
    assert tokens.asked[0]["resource"] == ["https://cognitiveservices.azure.com"]
    assert "api-key" not in asked.asked[0][1]


# A client of the user's own


def clients(url: str) -> dict[str, tuple[Any, str, Any, str, str]]:
    """A client, a model to ask, what the upstream answers, the path and the credentials seen."""
    return {
        "openai": (
            openai.AsyncOpenAI(api_key="own", base_url=f"{url}/proxy", max_retries=5,
                               default_headers={"x-team": "quay"}),
            "openai/gpt-5", OPENAI, "/proxy/chat/completions", "Bearer own"),
        "azure": (
            openai.AsyncAzureOpenAI(azure_ad_token="own", azure_endpoint=url, api_version="v-1",
                                    max_retries=5, default_headers={"x-team": "quay"}),
            "azure-deployments/mine", OPENAI,
            "/openai/deployments/mine/chat/completions?api-version=v-1", "Bearer own"),
        "bedrock": (
            AsyncAnthropicBedrock(api_key="own", aws_region="x", base_url=url, max_retries=5,
                                  default_headers={"x-team": "quay"}),
            CLAUDE, ANTHROPIC, f"/model/{CLAUDE.partition('/')[2]}/invoke", "Bearer own"),
        "vertex": (
            AsyncAnthropicVertex(access_token="own", region="r1", project_id="p1",
                                 base_url=f"{url}/v1", max_retries=5,
                                 default_headers={"x-team": "quay"}),
            "vertex/claude-sonnet-4-6", ANTHROPIC,
            "/v1/projects/p1/locations/r1/publishers/anthropic/models/claude-sonnet-4-6:rawPredict",
            "Bearer own"),
        "genai": (
            genai.Client(vertexai=True, project="p1", location="r1",
                         credentials=GoogleCredentials("own"),
                         http_options={"base_url": url, "api_version": "v1",
                                       "headers": {"x-team": "quay"},
                                       "retry_options": {"attempts": 5}}),
            "vertex/gemini-3.8-flash", GEMINI,
            "/v1/projects/p1/locations/r1/publishers/google/models/gemini-3.8-flash:generateContent",
            "Bearer own"),
    }  # fmt: skip


@pytest.mark.parametrize("name", ["openai", "azure", "bedrock", "vertex", "genai"])
async def test_a_client_of_ones_own(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_VERSION", "v-1")
    error = Reply(head(503, JSON, b'{"error": {"message": "so it is"}}'))
    async with upstream(whole({}), error, error) as (asked, url):
        client, model, body, path, credentials = clients(url)[name]
        asked.replies = iter([whole(body), error, whole(body)])
        vendor = model.partition("/")[0]
        seawall = AsyncSeawall(
            model=model,
            vendors={vendor: {"transport": "sdk"}},
            transports={"sdk": client},
            defaults={"retry": False},
            ledger=False,
        )
        assert (await seawall.chat("hi")).text == "Trieste."
        with pytest.raises(Fault, match="so it is"):
            await seawall.chat("hi")
        assert len(asked.asked) == 2, "the SDK asked again by itself"
        assert (await seawall.chat("hi")).text == "Trieste."
        await seawall.aclose()
        first, headers, _ = asked.asked[0]
        assert first.split(" ")[1] == path
        assert (headers["authorization"], headers["x-team"]) == (credentials, "quay")
        http = client._api_client._async_httpx_client if name == "genai" else client._client
        assert not http.is_closed
        if name == "openai":  # its owner goes on with it, retries included
            asked.replies = iter([error, whole(OPENAI)])
            answer = await client.with_options(max_retries=1).chat.completions.create(
                model="gpt-5", messages=[{"role": "user", "content": "hi"}]
            )
            assert answer.choices[0].message.content == "Trieste."
        await (client.aio.aclose() if name == "genai" else client.close())


def test_a_client_that_blocks_is_refused() -> None:
    for client in (openai.OpenAI(api_key="a"), AnthropicBedrock(aws_region="x", api_key="a")):
        with pytest.raises(ConfigError, match=f"Give an Async{type(client).__name__}"):
            AsyncSeawall(transports={"sdk": client}, ledger=False)
        client.close()


# What a deadline and a caller cut short


@pytest.mark.parametrize("model", ["openai/gpt-5", "vertex/gemini-3.8-flash"])
@pytest.mark.parametrize("silent", [True, False])
async def test_a_cancelled_call_closes_its_connection(
    model: str, silent: bool, signed_in: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-0123456789")
    data = b"" if silent else head(200, JSON, b"{", said=99)
    left = asyncio.Event()
    arrived = asyncio.Event()

    async def script(visit: Any) -> None:
        await visit.request()
        await visit.send(data or b"")
        arrived.set()
        await visit.ended()
        left.set()

    async with peer(script) as it:
        url = f"http://127.0.0.1:{it.port}/v1"
        async with by_sdk(model, url) as seawall:
            call = asyncio.create_task(seawall.chat("hi"))
            await arrived.wait()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            await asyncio.wait_for(left.wait(), 5)


async def test_a_connection_that_is_refused_or_never_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-0123456789")
    async with upstream() as (_, url):
        pass
    async with by_sdk("openai/gpt-5", url) as seawall:
        with pytest.raises(ConnectionFault, match="no reply from"):
            await seawall.chat("hi")

    async def never(*_: Any, **__: Any) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr("httpcore2._backends.auto.AutoBackend.connect_tcp", never)
    async with by_sdk("openai/gpt-5", url) as seawall:
        with pytest.raises(TimeoutFault) as caught:
            await seawall.chat("hi", deadline={"connect": 0.05})
    assert caught.value.phase == "connect"


async def test_what_an_sdk_refuses_before_it_asks_names_it_and_shows_no_key() -> None:
    sdk = {"client": "openai:AsyncOpenAI", "extra": "sdk", "key_as": "nonsense"}
    own = {"base_url": "http://127.0.0.1:9/v1", "transport": "sdk", "key": "sk-0123456789",
           "sdk": sdk}  # fmt: skip
    with pytest.raises(ConfigError, match=r"openai:AsyncOpenAI cannot be made.*nonsense") as caught:
        await AsyncSeawall(vendors={"openai": own}, ledger=False).chat("hi", model="openai/gpt-5")
    assert "0123456789" not in str(caught.value)


def test_the_synchronous_client_and_several_loops() -> None:
    from seawall import Seawall

    async def served() -> None:
        async with upstream(*[whole(OPENAI)] * 4) as (_, url):
            own = {"base_url": f"{url}/v1", "transport": "sdk", "key": "sk-0123456789"}
            seawall = Seawall(vendors={"openai": own}, model="openai/gpt-5", ledger=False)
            ours = AsyncSeawall(vendors={"openai": own}, model="openai/gpt-5", ledger=False)
            told = await asyncio.to_thread(lambda: seawall.chat("hi").text)
            assert told == "Trieste."
            assert (await ours.chat("hi")).text == "Trieste."
            assert await asyncio.to_thread(lambda: asyncio.run(once(ours))) == "Trieste."
            await asyncio.to_thread(seawall.close)
            await ours.aclose()

    async def once(ours: AsyncSeawall) -> str:
        reply = await ours.chat("hi")
        await ours.assembly.disconnect()
        return reply.text

    asyncio.run(served())


async def test_keys_of_awss_from_the_settings() -> None:
    async with upstream(whole(ANTHROPIC)) as (asked, url):
        arguments = {"aws_region": "eu-west-3", "base_url": "{base_url}",
                     "aws_access_key": "AKIDOTHER", "aws_secret_key": "wJalrXUtnFEMI"}  # fmt: skip
        sdk = {"client": "anthropic:AsyncAnthropicBedrock", "extra": "bedrock",
               "arguments": arguments}  # fmt: skip
        own = {"bedrock": {"base_url": url, "transport": "sdk", "sdk": sdk}}
        async with AsyncSeawall(model=CLAUDE, vendors=own, ledger=False) as seawall:
            assert (await seawall.chat("hi")).text == "Trieste."
    credential = asked.asked[0][1]["authorization"]
    assert credential.startswith("AWS4-HMAC-SHA256 Credential=AKIDOTHER/")
    assert "/eu-west-3/bedrock/aws4_request" in credential
