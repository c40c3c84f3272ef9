"""OpenAI's responses. A stream that fails says so twice, as the service does: with an ``error``
event, and with a response that has failed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ...dialects.openai_responses import FACE
from ...framing.sse import write_sse
from .api import Places, Refusal, Trouble, encode
from .openai import OpenAI, error

__all__ = ["API"]


class OpenAIResponses(OpenAI):
    name = FACE.name
    face = FACE
    path = "/v1/responses"
    ids = ("resp_sim_", "call_")
    places = Places(
        text=re.compile(rb'"(?:delta|text)":"(?=[^"])'),
        said=re.compile(rb'"(?:delta|text|arguments)":"(?=[^"])'),
        finish=re.compile(rb"^event: response\.(?:completed|incomplete)\n"),
        mark=None,
        call_id=b'"call_id":',
        broken=b"event: response.output_text.delta\n"
        + write_sse(b'{"type":"response.output_text.delta","del'),
    )
    refusals: Mapping[Trouble, Refusal] = {
        **OpenAI.refusals,
        "unsafe": Refusal(
            400,
            "Invalid prompt: your prompt was flagged as potentially violating our usage policy.",
            "invalid_request_error",
            "invalid_prompt",
        ),
    }

    def broken_off(self, refusal: Refusal, number: int, /) -> Sequence[bytes]:
        told = {"type": "error", "sequence_number": 1_000, "error": error(refusal)}
        failed = {"type": "response.failed", "sequence_number": 1_001}
        last = encode(failed | {"response": _failed(refusal, number)})
        return (
            b"event: error\n" + write_sse(encode(told)),
            b"event: response.failed\n" + write_sse(last),
        )

    def given_up(self, refusal: Refusal, number: int, /) -> bytes:
        return encode(_failed(refusal, number))


def _failed(refusal: Refusal, number: int) -> Mapping[str, object]:
    """A response that is nothing but its failure."""
    return {
        "id": f"resp_sim_{number}",
        "object": "response",
        "created_at": 0,
        "status": "failed",
        "error": {"code": refusal.code or "server_error", "message": refusal.message},
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": "",
        "output": [],
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
    }


API = OpenAIResponses()
