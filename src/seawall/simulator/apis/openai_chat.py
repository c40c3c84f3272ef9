"""OpenAI's chat completions, which most vendors speak."""

from __future__ import annotations

import re

from ...dialects.openai_chat import FACE
from ...framing.sse import write_sse
from .api import Places
from .openai import OpenAI

__all__ = ["API"]


class OpenAIChat(OpenAI):
    name = FACE.name
    face = FACE
    path = "/v1/chat/completions"
    ids = ("chatcmpl-sim-", "call_")
    places = Places(
        text=re.compile(rb'"content":"(?=[^"])'),
        said=re.compile(rb'"(?:content|arguments)":"(?=[^"])'),
        finish=re.compile(rb'"finish_reason":"|"usage":\{'),
        mark=re.compile(rb"^data: \[DONE\]"),
        call_id=b'"id":',
        broken=write_sse(b'{"id":"chatcmpl-sim","choices":[{"ind'),
    )


API = OpenAIChat()
