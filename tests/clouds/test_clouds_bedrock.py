"""Amazon Bedrock: Anthropic's events inside those of AWS, and errors in AWS's words."""

from __future__ import annotations

from typing import Any

import pytest
from clouds_world import ACCOUNT, ANTHROPIC, aws, chunk, client, dumped

from seawall import AsyncSeawall
from seawall.dialects.anthropic import FACE
from seawall.dialects.bedrock import WIRE, BedrockFrames
from seawall.errors import Fault
from seawall.folding import fold
from seawall.framing.aws_events import write_message
from seawall.transports.memory import Memory

STREAM = b"".join(aws())


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ACCOUNT.items():
        monkeypatch.setenv(name, value)


def replying(status: int, headers: dict[str, str], body: bytes) -> AsyncSeawall:
    return client(Memory(lambda outbound: (status, headers, body)), "bedrock/a")


def exception(name: str, message: str = "so it is") -> bytes:
    headers = {":exception-type": name, ":content-type": "application/json",
               ":message-type": "exception"}  # fmt: skip
    return write_message(headers, dumped({"message": message}))


async def streamed(*body: bytes) -> tuple[list[str], Any]:
    """What comes of a stream, each of its pieces by itself."""
    headers = {"content-type": "application/vnd.amazon.eventstream"}
    ours = client(Memory(lambda outbound: (200, headers, body)), "bedrock/a")
    pieces: list[str] = []
    try:
        async with ours.stream("hi") as stream:
            async for text in stream.text:
                pieces.append(text)
            return pieces, await stream.reply()
    except Fault as fault:
        return pieces, fault


def test_a_stream_is_the_same_wherever_it_is_cut() -> None:
    def events(*pieces: bytes) -> Any:
        frames, reader = BedrockFrames(), WIRE.reader()
        found = [frame for piece in pieces for frame in frames.feed(piece)]
        return fold([event for frame in (*found, *frames.end()) for event in reader.feed(frame)])

    whole = events(STREAM)
    assert whole.text == "Trieste."
    assert all(events(STREAM[:at], STREAM[at:]) == whole for at in range(len(STREAM) + 1))


async def test_the_frames_are_the_dialects_own() -> None:
    """So that a caller who speaks it gets them as they came."""
    frames = BedrockFrames().feed(STREAM)
    writer = FACE.writer(FACE.peek("/v1/messages", {}, b'{"model":"a","stream":true}'))
    reader = WIRE.reader()
    told = [writer.relay(frame, reader.feed(frame)) for frame in frames]
    assert b'"text":"este."' in told[3]
    assert b"message_stop" in b"".join(told) + writer.end()


# The API reference of InvokeModel: each error, with its status.
@pytest.mark.parametrize(
    ("status", "name", "message", "kind", "retry"),
    [
        (403, "AccessDeniedException", "no access to the model", "permission_denied", False),
        (403, "UnrecognizedClientException", "the token is invalid", "authentication", False),
        (403, "ExpiredTokenException", "the token has expired", "authentication", False),
        (500, "InternalServerException", "oh", "provider_error", True),
        (424, "ModelErrorException", "oh", "provider_error", True),
        (429, "ModelNotReadyException", "warming up", "overloaded", True),
        (408, "ModelTimeoutException", "too slow", "provider_error", True),
        (404, "ResourceNotFoundException", "no such model", "not_found", False),
        (400, "ServiceQuotaExceededException", "the quota", "quota_exceeded", False),
        (503, "ServiceUnavailableException", "oh", "overloaded", True),
        (429, "ThrottlingException", "Too many tokens, please wait", "rate_limit", True),
        (400, "ValidationException", "messages: missing", "bad_request", False),
        (400, "ValidationException", "Input is too long for requested model.",
         "context_length", False),
    ],
)  # fmt: skip
async def test_errors_in_awss_words(
    status: int, name: str, message: str, kind: str, retry: bool
) -> None:
    headers = {
        "content-type": "application/json", "x-amzn-requestid": "r-1",
        "x-amzn-errortype": f"{name}:http://internal.amazon.com/coral/com.amazon.bedrock/",
    }  # fmt: skip
    with pytest.raises(Fault) as caught:
        await replying(status, headers, dumped({"message": message})).chat("hi")
    fault = caught.value
    assert (fault.kind, fault.retry, fault.status) == (kind, retry, status)
    assert (fault.code, fault.request_id) == (name, "r-1")
    assert message in str(fault)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"Message": "Signature expired"}'])
async def test_an_error_without_a_name_or_words(body: bytes) -> None:
    with pytest.raises(Fault) as caught:
        await replying(403, {}, body).chat("hi")
    assert caught.value.kind == "permission_denied"


@pytest.mark.parametrize(
    ("name", "kind"),
    [("internalServerException", "provider_error"), ("modelStreamErrorException", "provider_error"),
     ("modelTimeoutException", "provider_error"), ("serviceUnavailableException", "overloaded"),
     ("throttlingException", "rate_limit"), ("validationException", "bad_request"),
     ("aNewException", "provider_error")],
)  # fmt: skip
@pytest.mark.parametrize("begun", [False, True])
async def test_exceptions_in_a_stream(name: str, kind: str, begun: bool) -> None:
    pieces, fault = await streamed(*(aws()[:4] if begun else []), exception(name))
    assert pieces == (["Tri", "este."] if begun else [])
    assert isinstance(fault, Fault)
    assert (fault.kind, fault.code, fault.delivered) == (kind, name, begun)
    assert "so it is" in str(fault)


async def test_an_error_in_headers_alone() -> None:
    headers = {":message-type": "error", ":error-code": "InternalFailure",
               ":error-message": "no luck"}  # fmt: skip
    _, fault = await streamed(write_message(headers, b""))
    assert (fault.kind, fault.code) == ("provider_error", "InternalFailure")
    assert "no luck" in str(fault)


async def test_events_nobody_knows_are_passed_over() -> None:
    other = write_message({":message-type": "event", ":event-type": "metadata"}, b"{}")
    pieces, reply = await streamed(other + b"".join(aws()[:3]) + other + b"".join(aws()[3:]))
    assert (pieces, reply.text) == (["Tri", "este."], "Trieste.")


@pytest.mark.parametrize(
    "payload", [b"", b"{}", b'{"bytes": 7}', b'{"bytes": "%%%"}', b'{"bytes": "Zm9v"}']
)
async def test_a_chunk_that_holds_no_event_is_damage_and_told(payload: bytes) -> None:
    bad = write_message({":message-type": "event", ":event-type": "chunk"}, payload)
    pieces, reply = await streamed(b"".join([*aws()[:4], bad, *aws()[4:]]))
    assert pieces == ["Tri", "este."]
    assert reply.damaged == 1


async def test_a_flipped_bit_ends_the_stream_after_what_was_whole() -> None:
    damaged = bytearray(STREAM)
    at = len(b"".join(aws()[:4]))
    damaged[at + 20] ^= 1
    pieces, fault = await streamed(bytes(damaged[:at]), bytes(damaged[at:]))
    assert pieces == ["Tri", "este."]
    assert (fault.kind, fault.delivered) == ("malformed_reply", True)


async def test_a_stream_that_breaks_off_inside_a_message_is_cut() -> None:
    pieces, fault = await streamed(*aws()[:4], aws()[4][:9])
    assert pieces == ["Tri", "este."]
    assert fault.kind == "stream_cut"


async def test_tools_in_a_stream() -> None:
    events = [
        {"type": "message_start", "message": {**ANTHROPIC, "content": [], "stop_reason": None}},
        *(
            event
            for n in (0, 1)
            for event in (
                {"type": "content_block_start", "index": n,
                 "content_block": {"type": "tool_use", "id": f"t{n}", "name": "f", "input": {}}},
                {"type": "content_block_delta", "index": n,
                 "delta": {"type": "input_json_delta", "partial_json": '{"n":'}},
                {"type": "content_block_delta", "index": n,
                 "delta": {"type": "input_json_delta", "partial_json": f"{n}}}"}},
                {"type": "content_block_stop", "index": n},
            )
        ),
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"},
         "usage": {"output_tokens": 3}},
        {"type": "message_stop"},
    ]  # fmt: skip
    _, reply = await streamed(b"".join(chunk(dumped(event)) for event in events))
    calls = [(call.id, call.arguments) for call in reply.tool_calls]
    assert calls == [("t0", '{"n":0}'), ("t1", '{"n":1}')]
    assert reply.finish_reason == "tool_calls"
