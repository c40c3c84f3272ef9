"""The providers' APIs that the simulator speaks, one file each."""

from __future__ import annotations

from collections.abc import Sequence

from ...server import Request
from . import anthropic, cohere, gemini, openai_chat, openai_responses, vertex_claude
from .api import (
    TROUBLES,
    Api,
    Level,
    Over,
    Places,
    Refusal,
    RetryAfter,
    Trouble,
    encode,
)

__all__ = [
    "APIS",
    "TROUBLES",
    "Api",
    "Level",
    "Over",
    "Places",
    "Refusal",
    "RetryAfter",
    "Trouble",
    "api_of",
    "encode",
]

#: Whoever tells its own requests apart stands first; OpenAI takes what is nobody's.
APIS: Sequence[Api] = (
    vertex_claude.API,
    anthropic.API,
    gemini.API,
    cohere.API,
    openai_responses.API,
    openai_chat.API,
)


def api_of(request: Request) -> Api:
    """The API that the request is meant for."""
    mine = [api for api in APIS if api.mine(request)]
    return next((api for api in mine if api.asked(request.path) is not None), mine[0])
