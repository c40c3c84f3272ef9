"""What the anthropic dialect asks: each wish in its words, adapted with a note, or refused."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from seawall.dialects import openai_chat
from seawall.dialects.anthropic import FACE, WIRE
from seawall.errors import BadRequestError, UnsupportedError
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
CACHED = {"anthropic": {"cache_control": {"type": "ephemeral"}}}


def draft(*messages: Message, quirks: Quirks | None = None, **fields: Any) -> Draft:
    request = Request(model="m", messages=messages or (USER,), **fields)
    return WIRE.encode(request, quirks or Quirks())


def sent(*messages: Message, quirks: Quirks | None = None, **fields: Any) -> dict[str, Any]:
    return msgspec.json.decode(draft(*messages, quirks=quirks, **fields).body)


def refused(match: str, *messages: Message, **fields: Any) -> None:
    with pytest.raises(UnsupportedError, match=match):
        draft(*messages, **fields)


def test_the_least() -> None:
    asked = draft(max_tokens=64)
    assert asked.path == "/v1/messages"
    assert dict(asked.headers) == {
        "content-type": "application/json",
        "anthropic-version": "2026-10-21",
    }
    assert msgspec.json.decode(asked.body) == {
        "model": "m",
        "messages": [{"role": "user", "content": "Hi"}],
        "max_tokens": 64,
    }
    assert asked.notes == ()


def test_max_tokens_is_required_so_one_is_set() -> None:
    asked = draft()
    assert msgspec.json.decode(asked.body)["max_tokens"] == 16384
    assert asked.notes == ("max_tokens was set to 16384, as the API wants one",)
    thinking = {"anthropic": {"thinking": {"type": "enabled", "budget_tokens": 2048}}}
    assert sent(extra=thinking)["max_tokens"] == 16384 + 2048


@pytest.mark.parametrize(
    "fields", [{"temperature": 0.5}, {"top_p": 0.9}, {"extra": {"anthropic": {"top_k": 3}}}]
)
def test_sampling_is_asked_for_by_the_last_version_that_takes_it(fields: Any) -> None:
    assert dict(draft(**fields).headers)["anthropic-version"] == "2023-06-01"


def test_instructions_stand_before_the_conversation() -> None:
    system, developer = Message("system", (Text("a"),)), Message("developer", (Text("b"),))
    assert sent(system, USER)["system"] == "a"
    both = sent(system, developer, USER)
    assert both["system"] == [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert len(both["messages"]) == 1


def test_instructions_amid_the_conversation_are_moved_or_left() -> None:
    later = Message("system", (Text("Be brief."),))
    asked = draft(USER, later, max_tokens=9)
    assert msgspec.json.decode(asked.body)["system"] == "Be brief."
    assert asked.notes == ("instructions amid the conversation were sent ahead of it",)
    kept = sent(USER, later, quirks=Quirks(system_role="system"))
    assert kept["messages"][1] == {"role": "system", "content": "Be brief."}
    assert "system" not in kept


def test_cache_control_survives_everywhere() -> None:
    body = sent(
        Message("system", (Text("s", CACHED),)),
        Message("user", (Text("u", CACHED), Image(url="https://a.test/b", extra=CACHED))),
        Message("assistant", (ToolCall("t", "f", "{}", CACHED),)),
        Message("tool", (ToolResult("t", (Text("r", CACHED),), extra=CACHED),)),
        tools=(Tool(name="f", extra=CACHED),),
    )
    assert msgspec.json.encode(body).count(b'"cache_control":{"type":"ephemeral"}') == 7
    read = FACE.read("", {}, msgspec.json.encode(body))
    assert msgspec.json.decode(WIRE.encode(read, Quirks()).body) == body


def test_images_and_documents() -> None:
    document = Opaque("anthropic", {"type": "document", "source": {"type": "file", "file_id": "f"}})
    parts = (Image(data="AA==", media_type="image/png"), Image(url="https://a.test/b"), document)
    assert [block["type"] for block in sent(Message("user", parts))["messages"][0]["content"]] == [
        "image",
        "image",
        "document",
    ]
    refused("images are not looked at", Message("user", parts), quirks=Quirks(images=False))
    refused("not from a URL", Message("user", parts), quirks=Quirks(images="data"))
    detailed = draft(Message("user", (Image(url="https://a.test/b", detail="low"),)), max_tokens=9)
    assert detailed.notes == ("an image's detail 'low' was left out; this dialect has none",)


def test_results_of_one_turn_stand_together() -> None:
    calls = (ToolCall("a", "f", '{"x": 1.10}'), ToolCall("b", "f", ""))
    results = [Message("tool", (ToolResult(id_, (Text(id_),)),)) for id_ in "ab"]
    asked = draft(USER, Message("assistant", calls), *results, USER)
    assert b'"input":{"x": 1.10}' in asked.body
    turns = msgspec.json.decode(asked.body)["messages"]
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user", "user"]
    assert [block["tool_use_id"] for block in turns[2]["content"]] == ["a", "b"]


@pytest.mark.parametrize("text", ["no json", "[1]", '{"a":'])
def test_arguments_that_are_no_object_are_wrapped_with_a_note(text: str) -> None:
    asked = draft(USER, Message("assistant", (ToolCall("a", "f", text),)), max_tokens=9)
    block = msgspec.json.decode(asked.body)["messages"][1]["content"][0]
    assert block["input"] == {"input": text}
    assert asked.notes == ("the arguments of f are no JSON object and were sent as its input",)


def test_an_id_that_is_not_accepted_is_replaced_in_call_and_result() -> None:
    turns = sent(
        USER,
        Message("assistant", (ToolCall("call:1", "f"), ToolCall("call/1", "f"))),
        Message("tool", (ToolResult("call:1"), ToolResult("call/1"))),
    )["messages"]
    called = [block["id"] for block in turns[1]["content"]]
    assert called == [block["tool_use_id"] for block in turns[2]["content"]]
    assert len(set(called)) == 2
    assert all(id_.replace("_", "").isalnum() for id_ in called)


@pytest.mark.parametrize(
    "part",
    [
        Reasoning("thought"),
        Reasoning("thought", "a signature of another provider"),
        Reasoning("thought", "sealed", {"gemini": {"x": 1}}),
    ],
)
def test_reasoning_of_another_provider_is_left_out_with_a_note(part: Reasoning) -> None:
    asked = draft(USER, Message("assistant", (part, Text("a"))), max_tokens=9)
    assert msgspec.json.decode(asked.body)["messages"][1]["content"] == [
        {"type": "text", "text": "a"}
    ]
    assert "left out" in asked.notes[0]
    alone = draft(USER, Message("assistant", (part,)), USER, max_tokens=9)
    assert len(msgspec.json.decode(alone.body)["messages"]) == 2
    assert "an empty turn of the assistant was left out" in alone.notes


def test_a_refusal_and_a_name_are_told_of() -> None:
    message = Message("assistant", (Refusal("No."),), name="Ada")
    asked = draft(USER, message, max_tokens=9)
    assert msgspec.json.decode(asked.body)["messages"][1]["content"] == [
        {"type": "text", "text": "No."}
    ]
    assert len(asked.notes) == 2


def test_tools_and_the_choice_among_them() -> None:
    tool = Tool(name="f", description="d", parameters={"properties": {}}, strict=True)
    body = sent(tools=(tool, Tool(name="g")))
    assert body["tools"][0] == {
        "name": "f",
        "description": "d",
        "input_schema": {"type": "object", "properties": {}},
        "strict": True,
    }
    assert body["tools"][1]["input_schema"] == {"type": "object", "properties": {}}
    assert "tool_choice" not in body

    def choice(mode: Any, name: str | None = None, parallel: bool | None = None) -> Any:
        asked = ToolChoice(mode, name) if mode else None
        wish = {"tool_choice": asked, "parallel_tool_calls": parallel}
        return sent(tools=(tool,), **wish).get("tool_choice")

    assert choice("auto") == {"type": "auto"}
    assert choice("required") == {"type": "any"}
    assert choice("none") == {"type": "none"}
    assert choice("tool", "f") == {"type": "tool", "name": "f"}
    assert choice(None, parallel=False) == {"type": "auto", "disable_parallel_tool_use": True}
    assert choice("required", parallel=True) == {"type": "any", "disable_parallel_tool_use": False}


@pytest.mark.parametrize(
    ("effort", "said"),
    [
        ("none", {"thinking": {"type": "disabled"}}),
        ("minimal", {"output_config": {"effort": "low"}}),
        ("low", {"output_config": {"effort": "low"}}),
        ("max", {"output_config": {"effort": "max"}}),
    ],
)
def test_effort(effort: str, said: dict[str, Any]) -> None:
    body = sent(reasoning_effort=effort)
    assert {name: body[name] for name in ("thinking", "output_config") if name in body} == said
    assert len(draft(reasoning_effort=effort, max_tokens=9).notes) == (effort == "minimal")


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ({"n": 2}, "n cannot be said"),
        ({"presence_penalty": 0.1}, "presence_penalty"),
        ({"frequency_penalty": 0.1}, "frequency_penalty"),
        ({"logprobs": True}, "logprobs"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"temperature": 1.5}, "temperature is 1.5; here it is from 0 to 1"),
        ({"stop": ("\n",)}, "nothing but blanks"),
        ({"reasoning_effort": "vast"}, "reasoning_effort is 'vast'"),
        ({"format": Format(type="json_object")}, "JSON Schema"),
        (
            {"quirks": Quirks(unsupported=("temperature",)), "temperature": 0.2},
            "temperature is not",
        ),
    ],
)
def test_what_cannot_be_said_is_refused(fields: Any, match: str) -> None:
    refused(match, **fields)


def test_a_seed_is_a_hint_and_left_out_with_a_note() -> None:
    asked = draft(seed=7, max_tokens=9)
    assert b"seed" not in asked.body
    assert asked.notes[0].startswith("seed was left out")


def test_what_asks_for_nothing_is_not_refused() -> None:
    asked = draft(n=1, presence_penalty=0.0, frequency_penalty=0, logprobs=False, max_tokens=9)
    body = msgspec.json.decode(asked.body)
    assert body.keys() == {"model", "messages", "max_tokens"}
    assert len(asked.notes) == 4


def test_what_a_model_does_not_take_is_left_out_with_a_note() -> None:
    asked = draft(temperature=0.2, max_tokens=9, quirks=Quirks(left_out=("temperature",)))
    assert b"temperature" not in asked.body
    assert dict(asked.headers)["anthropic-version"] == "2026-10-21"
    assert asked.notes == ("temperature was left out; this vendor does not take it",)


def test_a_question_needs_more_than_instructions() -> None:
    refused("besides its instructions", Message("system", (Text("a"),)))
    refused("Unicode", Message("user", (Text("\ud800"),)))
    refused("media_type", Message("user", (Image(data="AA=="),)))
    refused("nothing but results", USER, Message("tool", (Text("a"),)))


def test_a_schema_is_enforced_and_the_rest_told() -> None:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {
            "stars": {"type": "integer", "minimum": 1, "maximum": 5, "description": "How good"},
            "day": {"type": "string", "format": "date"},
            "owner": {"$ref": "#/$defs/Owner", "description": "Whose"},
            "kind": {"oneOf": [{"const": "a"}, {"type": "null"}]},
        },
        "required": ["stars"],
        "$defs": {"Owner": {"type": "object", "properties": {}}},
    }
    asked = draft(format=Format(type="json_schema", name="x", schema=schema), max_tokens=9)
    told = msgspec.json.decode(asked.body)["output_config"]["format"]
    assert told["type"] == "json_schema"
    assert told["schema"] == {
        "type": "object",
        "properties": {
            "stars": {"type": "integer", "description": "How good\n\n{minimum: 1, maximum: 5}"},
            "day": {"type": "string", "format": "date"},
            "owner": {"anyOf": [{"$ref": "#/$defs/Owner"}], "description": "Whose"},
            "kind": {"anyOf": [{"const": "a"}, {"type": "null"}]},
        },
        "required": ["stars"],
        "$defs": {"Owner": {"type": "object", "properties": {}, "additionalProperties": False}},
        "additionalProperties": False,
    }
    assert asked.notes == ("the schema's maximum, minimum became part of its descriptions",)


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"type": "object", "additionalProperties": {"type": "integer"}}, "any name"),
        ({"type": "object", "properties": {"a": {"type": "object"}}}, "any name"),
        ({"type": "object", "properties": 3}, "properties is no JSON object"),
        ({"type": "array", "items": True}, "says nothing"),
        (
            {
                "$ref": "#/$defs/Node",
                "$defs": {
                    "Node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}}
                },
            },
            "Node refer to themselves",
        ),
    ],
)
def test_a_schema_that_cannot_be_enforced_is_put_into_words(schema: Any, why: str) -> None:
    system = Message("system", (Text("Be kind."),))
    asked = draft(system, USER, format=Format(type="json_schema", schema=schema), max_tokens=9)
    body = msgspec.json.decode(asked.body)
    assert "output_config" not in body
    words = [block["text"] for block in body["system"]]
    assert msgspec.json.encode(schema).decode() in words[0]
    assert words[1] == "Be kind."
    assert why in asked.notes[0]


def test_betas_travel_in_their_header() -> None:
    body = draft().body
    request = FACE.read("", {"anthropic-beta": "files-api, fast-mode"}, body)
    again = WIRE.encode(request, Quirks())
    assert dict(again.headers)["anthropic-beta"] == "files-api,fast-mode"
    assert b"betas" not in again.body


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"messages": [{"role": "tool", "content": "a"}]}, "role is 'tool'"),
        ({"messages": [{"role": "user", "content": 3}]}, "content is no array"),
        ({"messages": [{"role": "user", "content": [{"type": "tool_result"}]}]}, "tool_use_id"),
        ({"messages": 3}, "messages"),
        ({"tools": [{"name": "f"}]}, "input_schema"),
        ({"tools": [{"input_schema": {}}]}, "name"),
        ({"tool_choice": {"type": "some"}}, "tool_choice.type is 'some'"),
        ({"tool_choice": {"type": "tool"}}, "tool_choice.name"),
        ({"tool_choice": {"type": {}}}, "tool_choice.type is no string"),
        ({"temperature": "hot"}, "temperature"),
        ({"output_config": {"format": {"type": "json_schema"}}}, "schema"),
    ],
)
def test_a_wrong_request_is_named(change: dict[str, Any], match: str) -> None:
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "a"}]}
    with pytest.raises(BadRequestError, match=match):
        FACE.read("", {}, msgspec.json.encode(body | change))


CONVERSATION = (
    Message("system", (Text("Be brief."),)),
    Message("user", (Text("Weather in Bari and Trieste?"),)),
    Message(
        "assistant",
        (
            Text("I'll look."),
            ToolCall("call_a", "weather", '{"harbour":"Bari"}'),
            ToolCall("call_b", "weather", '{"harbour":"Trieste"}'),
        ),
    ),
    Message("tool", (ToolResult("call_a", (Text("sun"),)),)),
    Message("tool", (ToolResult("call_b", (Text("bora"),)),)),
)


def test_a_conversation_with_tools_moves_there_and_back() -> None:
    begun = Request(model="m", messages=CONVERSATION, max_tokens=9)
    chat = openai_chat.WIRE.encode(begun, Quirks())
    read = openai_chat.FACE.read("", {}, chat.body)
    moved = FACE.read("", {}, WIRE.encode(read, Quirks()).body)
    assert moved.messages[:3] == CONVERSATION[:3]
    assert moved.messages[3].content == (*CONVERSATION[3].content, *CONVERSATION[4].content)
    back = openai_chat.WIRE.encode(moved, Quirks())
    assert (back.body, back.notes) == (chat.body, ())
