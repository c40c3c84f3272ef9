"""Anthropic's dialect as Amazon Bedrock carries it: its events inside those of AWS, and errors in
AWS's words.

Sources: Amazon Bedrock API reference, InvokeModel and InvokeModelWithResponseStream (the errors
with their statuses; ``ResponseStream``), and botocore's model of ``bedrock-runtime``.
"""

from __future__ import annotations

import binascii
from collections.abc import Mapping

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ..errors import (
    AuthenticationError,
    Fault,
    OverloadedError,
    ProviderError,
    QuotaExceededError,
    RateLimitError,
)
from ..framing.aws_events import AwsEvents, Message
from ..ports import Draft, Operation, Quirks, Reader
from ..types import Request, Response
from .anthropic import WIRE as ANTHROPIC
from .http_faults import fault_for
from .json_values import encode

__all__ = ["WIRE", "BedrockFrames", "BedrockWire"]

#: What a name says better than its status.
_CLASSES: Mapping[str, type[Fault]] = {
    "ExpiredTokenException": AuthenticationError,
    "IncompleteSignature": AuthenticationError,
    "InvalidSignatureException": AuthenticationError,
    "MissingAuthenticationTokenException": AuthenticationError,
    "ModelErrorException": ProviderError,
    "ModelNotReadyException": OverloadedError,
    "ModelStreamErrorException": ProviderError,
    "ServiceQuotaExceededException": QuotaExceededError,
    "ThrottlingException": RateLimitError,
    "UnrecognizedClientException": AuthenticationError,
}
#: What an exception in a stream is called in the dialect that the stream carries.
_TYPES = {
    "internalServerException": "api_error",
    "modelStreamErrorException": "api_error",
    "modelTimeoutException": "timeout_error",
    "serviceUnavailableException": "overloaded_error",
    "throttlingException": "rate_limit_error",
    "validationException": "invalid_request_error",
}
_UNREADABLE = b"?"
_EVENTS = "application/vnd.amazon.eventstream"


class BedrockWire:
    """Towards ``InvokeModel``. Its name is the dialect's own: so are requests and events."""

    name = ANTHROPIC.name
    operations: Mapping[str, Operation] = {}

    def encode(self, request: Request, quirks: Quirks, /) -> Draft:
        """Raises ``UnsupportedError`` for what the dialect or the vendor cannot say."""
        draft = ANTHROPIC.encode(request, quirks)
        headers = [pair for pair in draft.headers if pair[0] != "accept"]
        accept = ("accept", _EVENTS if request.stream else "application/json")
        return replace(draft, headers=(*headers, accept))

    def decode(self, body: bytes, /) -> Response:
        return ANTHROPIC.decode(body)

    def framer(self) -> BedrockFrames:
        return BedrockFrames()

    def reader(self) -> Reader:
        return ANTHROPIC.reader()

    def fault(self, status: int, headers: Mapping[str, str], body: bytes, /) -> Fault:
        # The name may be followed by a colon and the address of what defines it.
        code = headers.get("x-amzn-errortype", "").partition(":")[0] or None
        fault = fault_for(
            status,
            headers,
            body,
            message=_message(body),
            code=code,
            made=_CLASSES.get(code or ""),
        )
        fault.request_id = fault.request_id or headers.get("x-amzn-requestid")
        return fault


class _Said(Struct):
    message: str = ""
    Message: str = ""


_said = msgspec.json.Decoder(_Said).decode


def _message(body: bytes) -> str:
    try:
        raw = _said(body)
    except (ValueError, RecursionError):
        raw = _Said()
    text = " ".join(body[:300].decode("utf-8", "replace").split())
    unknown = f"the provider's error body says: {text}" if text else "the error has no body"
    return (raw.message or raw.Message or unknown)[:1000]


class _Chunk(Struct):
    bytes: str


_chunk = msgspec.json.Decoder(_Chunk).decode


class BedrockFrames:
    """The dialect's own events out of AWS's. An exception becomes the dialect's error event; what
    cannot be read becomes a frame that is no JSON, and so is counted as damage."""

    def __init__(self) -> None:
        self._events = AwsEvents()

    def feed(self, data: bytes, /) -> list[bytes]:
        return [frame for event in self._events.feed(data) if (frame := _frame(event)) is not None]

    def end(self) -> list[bytes]:
        self._events.end()
        return []


def _frame(event: Message) -> bytes | None:
    kind = event.text(":message-type")
    if kind == "event":
        return _inside(event.payload) if event.text(":event-type") == "chunk" else None
    name = event.text(":exception-type") or event.text(":error-code") or kind
    message = event.text(":error-message") or _message(event.payload)
    error = {
        "type": _TYPES.get(name, "api_error"),
        "message": message,
        "details": {"error_code": name},
    }
    return encode({"type": "error", "error": error})


def _inside(payload: bytes) -> bytes:
    try:
        return binascii.a2b_base64(_chunk(payload).bytes, strict_mode=True)
    except ValueError:
        return _UNREADABLE


WIRE = BedrockWire()
