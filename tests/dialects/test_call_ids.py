"""Every call of an answer has an id of its own, and the next turn knows it by that."""

from __future__ import annotations

import json
from typing import Any

import pytest

from seawall.dialects import anthropic, cohere, gemini, openai_chat, openai_responses
from seawall.ports import Quirks, Wire
from seawall.types import Message, Request, Text, ToolResult

CALLS = (("same", "f"), ("same", "g"), ("", "h"))


def _anthropic() -> dict[str, Any]:
    content = [{"type": "tool_use", "id": i, "name": n, "input": {}} for i, n in CALLS]
    return {"id": "msg_1", "type": "message", "content": content, "stop_reason": "tool_use"}


def _cohere() -> dict[str, Any]:
    calls = [
        {"id": i, "type": "function", "function": {"name": n, "arguments": "{}"}} for i, n in CALLS
    ]
    message = {"role": "assistant", "tool_calls": calls}
    return {"id": "c_1", "finish_reason": "TOOL_CALL", "message": message}


def _gemini() -> dict[str, Any]:
    parts = [{"functionCall": {"id": i, "name": n, "args": {}}} for i, n in CALLS]
    candidate = {"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}
    return {"responseId": "r_1", "candidates": [candidate]}


def _openai_chat() -> dict[str, Any]:
    calls = [
        {"id": i, "type": "function", "function": {"name": n, "arguments": "{}"}} for i, n in CALLS
    ]
    message = {"role": "assistant", "content": None, "tool_calls": calls}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    return {"id": "chatcmpl-1", "object": "chat.completion", "choices": [choice]}


def _openai_responses() -> dict[str, Any]:
    calls = [
        {"type": "function_call", "call_id": i, "name": n, "arguments": "{}"} for i, n in CALLS
    ]
    return {"id": "resp_1", "object": "response", "status": "completed", "output": calls}


EACH = [
    pytest.param(anthropic.WIRE, _anthropic(), id="anthropic"),
    pytest.param(cohere.WIRE, _cohere(), id="cohere"),
    pytest.param(gemini.WIRE, _gemini(), id="gemini"),
    pytest.param(openai_chat.WIRE, _openai_chat(), id="openai_chat"),
    pytest.param(openai_responses.WIRE, _openai_responses(), id="openai_responses"),
]


@pytest.mark.parametrize(("wire", "answer"), EACH)
def test_results_find_their_calls_whatever_ids_those_came_with(
    wire: Wire, answer: dict[str, Any]
) -> None:
    asked = wire.decode(json.dumps(answer).encode()).message
    ids = [call.id for call in asked.tool_calls]
    assert ids[0] == "same"
    assert len(set(ids) - {""}) == 3
    results = tuple(ToolResult(id_, (Text(f"result {id_}"),)) for id_ in ids)
    turns = (Message("user", (Text("?"),)), asked, *(Message("tool", (one,)) for one in results))
    sent = wire.encode(Request(model="m", messages=turns, max_tokens=9), Quirks()).body.decode()
    for id_ in ids:
        # In the call, in its result, and in the result's text.
        assert sent.count(f'"{id_}"') == 2
        assert sent.count(f"result {id_}") == 1


def test_made_ids_of_two_answers_differ() -> None:
    first, second = ({**_anthropic(), "id": id_} for id_ in ("msg_1", "msg_2"))
    of = anthropic.WIRE.decode
    made = [of(json.dumps(one).encode()).tool_calls[2].id for one in (first, second)]
    assert made[0] != made[1]
