"""What the cohere dialect asks: each wish in its words, adapted with a note, or refused."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from seawall.dialects import anthropic, openai_chat
from seawall.dialects.cohere import FACE, WIRE
from seawall.errors import UnsupportedError
from seawall.ports import Draft, Quirks
from seawall.types import (
    Format,
    Image,
    Message,
    Opaque,
    Reasoning,
    Refusal,
    Request,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)

USER = Message("user", (Text("Hi"),))
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
F, G = Tool(name="f", parameters=SCHEMA), Tool(name="g", description="d")


def draft(*messages: Message, quirks: Quirks | None = None, **fields: Any) -> Draft:
    request = Request(model="m", messages=messages or (USER,), **fields)
    return WIRE.encode(request, quirks or Quirks())


def sent(*messages: Message, quirks: Quirks | None = None, **fields: Any) -> dict[str, Any]:
    return msgspec.json.decode(draft(*messages, quirks=quirks, **fields).body)


def test_the_least() -> None:
    asked = draft()
    assert asked.path == "/v2/chat"
    assert dict(asked.headers) == {
        "content-type": "application/json",
        "accept": "application/json",
    }
    assert sent() == {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
    assert asked.notes == ()
    assert dict(draft(stream=True).headers)["accept"] == "text/event-stream"


def test_every_parameter_has_its_name() -> None:
    body = sent(
        temperature=0.5,
        top_p=0.9,
        max_tokens=10,
        seed=7,
        stop=("END",),
        presence_penalty=0.1,
        frequency_penalty=0.2,
        logprobs=True,
        reasoning_effort="none",
        stream=True,
        extra={"cohere": {"safety_mode": "STRICT", "k": 5}, "gemini": {"safetySettings": []}},
    )
    del body["model"], body["messages"]
    assert body == {
        "temperature": 0.5,
        "p": 0.9,
        "max_tokens": 10,
        "seed": 7,
        "stop_sequences": ["END"],
        "presence_penalty": 0.1,
        "frequency_penalty": 0.2,
        "logprobs": True,
        "thinking": {"type": "disabled"},
        "stream": True,
        "safety_mode": "STRICT",
        "k": 5,
    }


def test_instructions_stand_ahead() -> None:
    asked = draft(Message("developer", (Text("a"),)), USER, Message("system", (Text("b"),)))
    system, user = msgspec.json.decode(asked.body)["messages"]
    assert system["role"] == "system"
    assert [block["text"] for block in system["content"]] == ["a", "b"]
    assert user["content"] == "Hi"
    assert asked.notes == ("instructions amid the conversation were sent ahead of it",)


@pytest.mark.parametrize(("given", "said"), [(1, 0.99), (0, 0.01), (0.5, 0.5)])
def test_the_share_of_tokens_is_kept_within_bounds(given: float, said: float) -> None:
    asked = draft(top_p=given)
    assert msgspec.json.decode(asked.body)["p"] == said
    assert len(asked.notes) == (given != said)


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        (ToolChoice("auto"), {}),
        (ToolChoice("none"), {"tool_choice": "NONE"}),
        (ToolChoice("required"), {"tool_choice": "REQUIRED"}),
    ],
)
def test_the_choice_among_tools(choice: ToolChoice, told: dict[str, Any]) -> None:
    body = sent(tools=(F, G), tool_choice=choice)
    assert body["tools"] == [
        {"type": "function", "function": {"name": "f", "parameters": SCHEMA}},
        {
            "type": "function",
            "function": {
                "name": "g",
                "description": "d",
                "parameters": {"type": "object", "properties": {}},
            },
        },
    ]
    assert {name: value for name, value in body.items() if name == "tool_choice"} == told


def test_a_tool_that_must_be_called_is_the_only_one_sent() -> None:
    asked = draft(tools=(F, G), tool_choice=ToolChoice("tool", "f"))
    body = msgspec.json.decode(asked.body)
    assert [tool["function"]["name"] for tool in body["tools"]] == ["f"]
    assert body["tool_choice"] == "REQUIRED"
    assert len(asked.notes) == 1


@pytest.mark.parametrize(
    ("tools", "told", "notes"),
    [
        ((F, G), None, 0),
        ((Tool(name="f", parameters=SCHEMA, strict=True),), True, 0),
        ((Tool(name="f", strict=False),), False, 0),
        ((Tool(name="f", strict=True),), None, 1),
        ((Tool(name="f", parameters=SCHEMA, strict=True), G), None, 1),
    ],
    ids=["unsaid", "strict", "loose", "nothing required", "mixed"],
)
def test_strict_holds_for_all_tools_or_none(
    tools: tuple[Tool, ...], told: bool | None, notes: int
) -> None:
    asked = draft(tools=tools)
    assert msgspec.json.decode(asked.body).get("strict_tools") is told
    assert len(asked.notes) == notes


def test_a_schema_is_enforced_and_the_model_told_of_json() -> None:
    wanted = Format(type="json_schema", schema=SCHEMA, description="a thing", strict=True)
    asked = draft(format=wanted)
    body = msgspec.json.decode(asked.body)
    assert body["response_format"] == {
        "type": "json_object",
        "json_schema": SCHEMA | {"description": "a thing"},
    }
    assert "one JSON object" in body["messages"][0]["content"]
    assert len(asked.notes) == 1
    said = draft(Message("user", (Text("Give me json"),)), format=wanted)
    assert said.notes == ()
    assert len(msgspec.json.decode(said.body)["messages"]) == 1


def test_a_constraint_that_is_not_enforced_is_told() -> None:
    number = {"type": "integer", "minimum": 1, "description": "n"}
    when = {"type": "string", "format": "email", "pattern": "^a$"}
    schema = SCHEMA | {"properties": {"a": number, "b": {"type": "array", "items": when}}}
    asked = draft(
        Message("user", (Text("JSON"),)), format=Format(type="json_schema", schema=schema)
    )
    told = msgspec.json.decode(asked.body)["response_format"]["json_schema"]["properties"]
    assert told["a"] == {"type": "integer", "description": "n\n\n{minimum: 1}"}
    assert told["b"]["items"] == {
        "type": "string",
        "description": '{format: "email", pattern: "^a$"}',
    }
    assert asked.notes == ("the schema's format, minimum, pattern became part of its descriptions",)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"format": Format(type="json_schema", schema={"type": "array"})}, "no object"),
        ({"format": Format(type="json_schema", schema=SCHEMA | {"oneOf": []})}, "oneOf"),
        ({"format": Format(type="json_schema", schema={"type": "object"})}, "required"),
        ({"format": Format(type="json_object"), "tools": (F,)}, "beside tools"),
        (
            {"format": Format(type="json_object"), "extra": {"cohere": {"documents": ["d"]}}},
            "beside documents",
        ),
    ],
)
def test_a_format_that_cannot_be_enforced_is_asked_for_in_words(
    fields: dict[str, Any], why: str
) -> None:
    asked = draft(**fields)
    body = msgspec.json.decode(asked.body)
    assert "response_format" not in body
    assert "one JSON object" in body["messages"][0]["content"]
    assert why in asked.notes[0]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"n": 2}, "n cannot be said"),
        ({"logprobs": True, "top_logprobs": 3}, "top_logprobs"),
        ({"parallel_tool_calls": False, "tools": (F,)}, "parallel_tool_calls"),
        ({"temperature": 1.5}, "temperature is 1.5"),
        ({"presence_penalty": -0.5}, "presence_penalty is -0.5"),
        ({"top_p": 2}, "top_p is 2"),
        ({"stop": tuple("abcdef")}, "6 stop sequences"),
        ({"tools": (Tool(name="get-it"),)}, "'get-it'"),
        ({"tools": (F,), "tool_choice": ToolChoice("tool", "x")}, "'x'"),
        ({"messages": (Message("system", (Text("s"),)),)}, "besides its instructions"),
        ({"messages": (USER, Message("tool", (Text("a"),)))}, "Text"),
        ({"messages": (USER, Message("tool", (ToolResult("c", (Image(url="u"),)),)))}, "Image"),
        ({"messages": (Message("user", (Image(data="AA=="),)),)}, "media_type"),
        ({"messages": (Message("user", (Image(),)),)}, "url"),
        ({"messages": (Message("user", (Text("\ud800"),)),)}, "Unicode"),
        ({"messages": (USER, Message("assistant", (ToolCall("c", "f", "\ud800"),)))}, "Unicode"),
        ({"format": Format(type="json_schema", schema={"title": "\ud800"})}, "Unicode"),
        ({"extra": {"cohere": {"x": object()}}}, "JSON cannot"),
    ],
)
def test_what_cannot_be_said_is_refused_before_the_call(fields: dict[str, Any], says: str) -> None:
    request = Request(**({"model": "m", "messages": (USER,)} | fields))
    with pytest.raises(UnsupportedError, match=says):
        WIRE.encode(request, Quirks())


def test_nothing_is_adapted_without_a_note() -> None:
    thought = Reasoning("hm", "foreign", {"anthropic": {"type": "thinking"}})
    asked = draft(
        USER,
        Message("assistant", (thought, Refusal("no"), ToolCall("c", "f", "free"))),
        Message("tool", (ToolResult("c", (Text("r"),), is_error=True),)),
        Message("assistant", ()),
        Message("user", (Text("go on"),), name="ann"),
        user="u",
        n=1,
        reasoning_effort="high",
        parallel_tool_calls=True,
        tools=(F,),
    )
    words = (
        *("n was left out", "parallel_tool_calls", "signature", "refusal", "no JSON object"),
        *("error", "empty turn", "name 'ann'", "user", "'high'"),
    )
    assert len(asked.notes) == len(words)
    for word in words:
        assert any(word in note for note in asked.notes), word
    body = msgspec.json.decode(asked.body)
    assert body["messages"][1]["content"][0] == {"type": "thinking", "thinking": "hm"}
    assert body["thinking"] == {"type": "enabled"}
    calls = body["messages"][1]["tool_calls"]
    assert calls[0]["function"]["arguments"] == '{"input":"free"}'


def test_a_budget_for_thinking_goes_with_the_wish_to_think() -> None:
    extra = {"cohere": {"thinking": {"token_budget": 500}}}
    body = sent(reasoning_effort="low", extra=extra)
    assert body["thinking"] == {"type": "enabled", "token_budget": 500}


def test_a_model_that_does_not_think_is_not_told_what_others_thought() -> None:
    quirks = Quirks(reasoning_field="", left_out=("thinking",))
    said = Message("assistant", (Reasoning("hm"), Text("a")))
    asked = draft(USER, said, USER, quirks=quirks, reasoning_effort="none")
    body = msgspec.json.decode(asked.body)
    assert body["messages"][1] == {"role": "assistant", "content": "a"}
    assert "thinking" not in body
    assert len(asked.notes) == 2


DOCUMENT = {"type": "document", "document": {"id": "d1", "data": {"sky": "grey"}}}


def test_a_document_of_a_tool_is_a_text_to_others_and_a_document_here() -> None:
    messages = [
        {"role": "user", "content": "Weather?"},
        {
            "role": "assistant",
            "tool_plan": "I will look.",
            "tool_calls": [
                {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
            ],
        },
        {"role": "tool", "tool_call_id": "c", "content": [DOCUMENT]},
    ]
    request = FACE.read("/v2/chat", {}, msgspec.json.encode({"model": "m", "messages": messages}))
    assert msgspec.json.decode(WIRE.encode(request, Quirks()).body)["messages"] == messages
    other = msgspec.json.decode(openai_chat.WIRE.encode(request, Quirks()).body)["messages"]
    assert other[2]["tool_call_id"] == other[1]["tool_calls"][0]["id"] == "c"
    assert other[2]["content"] == '{"sky":"grey"}'


def test_a_document_whose_text_was_changed_on_the_way_is_sent_as_it_is_now() -> None:
    extra = {"cohere": {"type": "document", "document": {"id": "d1"}}}
    result = Message("tool", (ToolResult("c", (Text("[redacted]", extra),)),))
    block = sent(USER, result)["messages"][1]["content"][0]
    assert block["document"] == {"id": "d1", "data": "[redacted]"}


@pytest.mark.parametrize("other", [openai_chat, anthropic], ids=["openai_chat", "anthropic"])
def test_a_transcript_moves_here_and_back(other: Any) -> None:
    calls = (ToolCall("call_1", "f", '{"a":1}'), ToolCall("call_2", "f", '{"a":2}'))
    results = tuple(
        Message("tool", (ToolResult(call.id, (Text(f"r{call.id}"),)),)) for call in calls
    )
    told = (USER, Message("assistant", (Text("Let me see."), *calls)), *results, USER)
    there = Request(model="m", messages=told, max_tokens=9)
    path, body = "", other.WIRE.encode(there, Quirks()).body
    here = other.FACE.read(path, {}, body)
    back = FACE.read(path, {}, WIRE.encode(here, Quirks()).body)
    again = other.FACE.read(path, {}, other.WIRE.encode(back, Quirks()).body)
    assert again == here
    asked = [part.id for message in back.messages for part in message.tool_calls]
    answered = [
        part.call_id
        for message in back.messages
        for part in message.content
        if isinstance(part, ToolResult)
    ]
    assert asked == answered == ["call_1", "call_2"]


def test_content_of_another_dialect_is_refused_by_name() -> None:
    with pytest.raises(UnsupportedError, match="gemini"):
        draft(Message("user", (Opaque("gemini", {"fileData": {}}),)))
