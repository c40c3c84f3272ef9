"""Seawall: the production layer between an application and AI APIs.

``Seawall`` and ``AsyncSeawall`` are the clients; everything else is a type they take or give.
Names are imported when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .client.aio import AsyncSeawall
    from .client.batches import AsyncBatch, Batch, BatchItem
    from .client.door import http_client
    from .client.results import EmbedReply, ModelsReply, RerankReply
    from .client.streams import AsyncReplyStream
    from .client.sync import ReplyStream, Seawall
    from .client.tags import tags
    from .core import Decision, Reply
    from .errors import (
        AuthenticationError,
        BadRequestError,
        CallNotFoundError,
        CircuitOpenError,
        ClosedError,
        ConfigError,
        ConflictError,
        ConnectionFault,
        ContentFilterError,
        ContextLengthError,
        ExtractError,
        Fault,
        LedgerError,
        MalformedReplyError,
        NotFoundError,
        OutputError,
        OverloadedError,
        PermissionDeniedError,
        ProviderError,
        QueueFullError,
        QuotaExceededError,
        RateLimitError,
        SeawallError,
        StreamCutError,
        TimeoutFault,
        UnansweredError,
        UnknownSubmissionError,
        UnsupportedError,
    )
    from .layers.breaker import Breaker
    from .layers.retry import Retry
    from .output import extract_json
    from .ports import Secret, Timeouts
    from .types import (
        Finish,
        Image,
        Message,
        Response,
        Text,
        TextDelta,
        Tool,
        ToolCall,
        ToolCallDelta,
        ToolChoice,
        ToolResult,
        Usage,
    )

__version__ = "0.1.0"

_WHERE = {
    ".client.aio": ("AsyncSeawall",),
    ".client.batches": ("AsyncBatch", "Batch", "BatchItem"),
    ".client.door": ("http_client",),
    ".client.results": ("EmbedReply", "ModelsReply", "RerankReply"),
    ".client.streams": ("AsyncReplyStream",),
    ".client.sync": ("ReplyStream", "Seawall"),
    ".client.tags": ("tags",),
    ".core": ("Decision", "Reply"),
    ".errors": (
        "AuthenticationError",
        "BadRequestError",
        "CallNotFoundError",
        "CircuitOpenError",
        "ClosedError",
        "ConfigError",
        "ConflictError",
        "ConnectionFault",
        "ContentFilterError",
        "ContextLengthError",
        "ExtractError",
        "Fault",
        "LedgerError",
        "MalformedReplyError",
        "NotFoundError",
        "OutputError",
        "OverloadedError",
        "PermissionDeniedError",
        "ProviderError",
        "QueueFullError",
        "QuotaExceededError",
        "RateLimitError",
        "SeawallError",
        "StreamCutError",
        "TimeoutFault",
        "UnansweredError",
        "UnknownSubmissionError",
        "UnsupportedError",
    ),
    ".layers.breaker": ("Breaker",),
    ".layers.retry": ("Retry",),
    ".output": ("extract_json",),
    ".ports": ("Secret", "Timeouts"),
    ".types": (
        "Finish",
        "Image",
        "Message",
        "Response",
        "Text",
        "TextDelta",
        "Tool",
        "ToolCall",
        "ToolCallDelta",
        "ToolChoice",
        "ToolResult",
        "Usage",
    ),
}
_MODULE = {name: module for module, names in _WHERE.items() for name in names}

__all__ = [
    "AsyncBatch",
    "AsyncReplyStream",
    "AsyncSeawall",
    "AuthenticationError",
    "BadRequestError",
    "Batch",
    "BatchItem",
    "Breaker",
    "CallNotFoundError",
    "CircuitOpenError",
    "ClosedError",
    "ConfigError",
    "ConflictError",
    "ConnectionFault",
    "ContentFilterError",
    "ContextLengthError",
    "Decision",
    "EmbedReply",
    "ExtractError",
    "Fault",
    "Finish",
    "Image",
    "LedgerError",
    "MalformedReplyError",
    "Message",
    "ModelsReply",
    "NotFoundError",
    "OutputError",
    "OverloadedError",
    "PermissionDeniedError",
    "ProviderError",
    "QueueFullError",
    "QuotaExceededError",
    "RateLimitError",
    "Reply",
    "ReplyStream",
    "RerankReply",
    "Response",
    "Retry",
    "Seawall",
    "SeawallError",
    "Secret",
    "StreamCutError",
    "Text",
    "TextDelta",
    "TimeoutFault",
    "Timeouts",
    "Tool",
    "ToolCall",
    "ToolCallDelta",
    "ToolChoice",
    "ToolResult",
    "UnansweredError",
    "UnknownSubmissionError",
    "UnsupportedError",
    "Usage",
    "extract_json",
    "http_client",
    "tags",
]


def __getattr__(name: str) -> Any:
    module = _MODULE.get(name)
    if module is None:
        raise AttributeError(f"module 'seawall' has no attribute {name!r}")
    value = getattr(import_module(module, __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
