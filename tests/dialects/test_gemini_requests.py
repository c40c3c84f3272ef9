"""What the gemini dialect writes and what it takes from callers: said, adapted with a note, or
refused before the call."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from seawall.dialects import anthropic, openai_chat
from seawall.dialects.gemini import FACE, WIRE
from seawall.errors import BadRequestError, UnsupportedError
from seawall.ports import Draft, Quirks, Wire
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

USER = Message("user", (Text("hi"),))
PATH = "/v1beta/models/gemini-3.8-flash:generateContent"
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}


def draft(*messages: Message, quirks: Quirks | None = None, **fields: Any) -> Draft:
    request = Request(model="m", messages=messages or (USER,), **fields)
    return WIRE.encode(request, quirks or Quirks())


def sent(*messages: Message, quirks: Quirks | None = None, **fields: Any) -> dict[str, Any]:
    return msgspec.json.decode(draft(*messages, quirks=quirks, **fields).body)


def config(**fields: Any) -> dict[str, Any]:
    return sent(**fields)["generationConfig"]


def taken(body: dict[str, Any], path: str = PATH) -> Request:
    return FACE.read(path, {}, msgspec.json.encode(body))


def test_everything_a_request_asks_for_has_its_place() -> None:
    assert config(
        temperature=0.5,
        top_p=0.9,
        max_tokens=10,
        n=2,
        seed=7,
        stop=("END",),
        presence_penalty=0.1,
        frequency_penalty=0.2,
        logprobs=True,
        top_logprobs=3,
        reasoning_effort="high",
        format=Format(type="json_schema", schema=SCHEMA, strict=True),
    ) == {
        "temperature": 0.5,
        "topP": 0.9,
        "maxOutputTokens": 10,
        "candidateCount": 2,
        "seed": 7,
        "stopSequences": ["END"],
        "presencePenalty": 0.1,
        "frequencyPenalty": 0.2,
        "responseLogprobs": True,
        "logprobs": 3,
        "thinkingConfig": {"thinkingLevel": "HIGH"},
        "responseMimeType": "application/json",
        "responseJsonSchema": SCHEMA,
    }


@pytest.mark.parametrize(
    ("choice", "calling"),
    [
        (ToolChoice("auto"), {"mode": "AUTO"}),
        (ToolChoice("none"), {"mode": "NONE"}),
        (ToolChoice("required"), {"mode": "ANY"}),
        (ToolChoice("tool", "f"), {"mode": "ANY", "allowedFunctionNames": ["f"]}),
    ],
)
def test_the_choice_among_tools(choice: ToolChoice, calling: dict[str, Any]) -> None:
    body = sent(tools=(Tool(name="f", parameters=SCHEMA), Tool(name="g")), tool_choice=choice)
    assert body["toolConfig"] == {"functionCallingConfig": calling}
    functions = [{"name": "f", "parametersJsonSchema": SCHEMA}, {"name": "g"}]
    assert body["tools"] == [{"functionDeclarations": functions}]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"parallel_tool_calls": False, "tools": (Tool(name="f"),)}, "parallel_tool_calls"),
        ({"reasoning_effort": "none"}, "'none'"),
        ({"model": "../secret"}, "cannot stand in a URL"),
        ({"model": ""}, "cannot stand in a URL"),
        ({"messages": (Message("system", (Text("s"),)),)}, "besides its instructions"),
        ({"messages": (Message("user", (Image(url="https://a.test/x"),)),)}, "media_type"),
        ({"messages": (Message("user", (Image(data="AA=="),)),)}, "media_type"),
        ({"messages": (Message("user", (Image(),)),)}, "url"),
        ({"messages": (USER, Message("tool", (Text("a"),)))}, "results"),
        ({"messages": (USER, Message("tool", (ToolResult("c9"),)))}, "c9"),
        ({"messages": (USER, Message("assistant", (ToolCall("c", "f", "no"),)))}, "JSON object"),
        ({"messages": (Message("user", (Text("\ud800"),)),)}, "Unicode"),
    ],
)
def test_what_cannot_be_said_is_refused_before_the_call(fields: dict[str, Any], says: str) -> None:
    request = Request(**({"model": "m", "messages": (USER,)} | fields))
    with pytest.raises(UnsupportedError, match=says):
        WIRE.encode(request, Quirks())


def test_nothing_is_adapted_without_a_note() -> None:
    thought = Reasoning("hm", "foreign", {"anthropic": {"type": "thinking"}})
    notes = draft(
        USER,
        Message("assistant", (thought, Refusal("no"), ToolCall("c", "f"))),
        Message("tool", (ToolResult("c", (Text("r"),)),)),
        Message("developer", (Text("be brief"),)),
        Message("user", (Image(data="AA==", media_type="image/png", detail="low"),), name="ann"),
        user="u",
        tools=(Tool(name="f", strict=True),),
    ).notes
    words = (
        "signature",
        "refusal",
        "another model",
        "amid",
        "name 'ann'",
        "detail",
        "user",
        "strict",
    )
    assert all(sum(word in note for note in notes) >= 1 for word in words)
    assert len(notes) == len(words)
    assert b"foreign" not in draft(USER, Message("assistant", (thought,))).body


def test_quirks_bind_by_either_name() -> None:
    for name in ("presence_penalty", "presencePenalty"):
        with pytest.raises(UnsupportedError, match=name):
            draft(presence_penalty=1, quirks=Quirks(unsupported=(name,)))
    with pytest.raises(UnsupportedError, match="tools"):
        draft(tools=(Tool(name="f"),), quirks=Quirks(unsupported=("tools",)))
    one = draft(n=1, quirks=Quirks(unsupported=("n",)))
    assert b"generationConfig" not in one.body
    assert len(one.notes) == 1
    warm = draft(temperature=1, quirks=Quirks(left_out=("temperature",)))
    assert b"generationConfig" not in warm.body
    assert "temperature was left out" in warm.notes[0]
    with pytest.raises(UnsupportedError, match="json_object"):
        draft(format=Format(type="json_object"), quirks=Quirks(formats=("text",)))
    image = Message("user", (Image(url="https://a.test/b.png"),))
    for images in (False, "data"):
        with pytest.raises(UnsupportedError, match="images"):
            draft(image, quirks=Quirks(images=images))
    quiet = draft(
        USER, Message("assistant", (Reasoning("hm"), Text("a"))), quirks=Quirks(reasoning_field="")
    )
    assert b"hm" not in quiet.body
    assert "reasoning" in quiet.notes[0]


def test_images_by_address_and_as_data() -> None:
    parts = (
        Image(url="https://a.test/b.png?x=1"),
        Image(url="data:image/webp;base64,AA=="),
        Image(data="AA==", media_type="image/jpeg"),
    )
    assert sent(Message("user", parts))["contents"][0]["parts"] == [
        {"fileData": {"mimeType": "image/png", "fileUri": "https://a.test/b.png?x=1"}},
        {"inlineData": {"mimeType": "image/webp", "data": "AA=="}},
        {"inlineData": {"mimeType": "image/jpeg", "data": "AA=="}},
    ]


def test_unknown_fields_join_those_that_are_known() -> None:
    extra = {
        "gemini": {
            "safetySettings": [{"category": "C", "threshold": "BLOCK_NONE"}],
            "generationConfig": {"topK": 3, "thinkingConfig": {"includeThoughts": True}},
        }
    }
    body = sent(reasoning_effort="low", temperature=1, extra=extra)
    assert body["safetySettings"][0]["threshold"] == "BLOCK_NONE"
    assert body["generationConfig"] == {
        "temperature": 1,
        "topK": 3,
        "thinkingConfig": {"includeThoughts": True, "thinkingLevel": "LOW"},
    }


# Transcripts that move


CONVERSATION = Request(
    model="m",
    messages=(
        Message("system", (Text("be brief"),)),
        USER,
        Message(
            "assistant",
            (Text("both"), ToolCall("call_1", "f", '{"a":1}'), ToolCall("call_2", "g", "{}")),
        ),
        Message(
            "tool",
            (
                ToolResult("call_1", (Text('{"ok": [1, "é"]}'),)),
                ToolResult("call_2", (Text("18"), Text("19"))),
            ),
        ),
        USER,
    ),
)


@pytest.mark.parametrize("wire", [openai_chat.WIRE, anthropic.WIRE], ids=["openai_chat", "claude"])
def test_a_conversation_begun_elsewhere_goes_on_here_and_back(wire: Wire) -> None:
    """Ids and results intact, the very characters."""
    face = openai_chat.FACE if wire is openai_chat.WIRE else anthropic.FACE
    begun = face.read("", {}, wire.encode(CONVERSATION, Quirks()).body)
    here = WIRE.encode(begun, Quirks())
    back = FACE.read(here.path, {}, here.body)
    again = face.read("", {}, wire.encode(back, Quirks()).body)
    for got in (back, again):
        calls = [call for message in got.messages for call in message.tool_calls]
        assert [(call.id, call.name, call.arguments) for call in calls] == [
            ("call_1", "f", '{"a":1}'),
            ("call_2", "g", "{}"),
        ]
        results = [
            part for message in got.messages for part in message.content if type(part) is ToolResult
        ]
        assert [result.call_id for result in results] == ["call_1", "call_2"]
        assert results[0].content == (Text('{"ok": [1, "é"]}'),)
    assert again.messages == begun.messages
    # As many results as calls, in the one turn after them.
    turns = [content["role"] for content in msgspec.json.decode(here.body)["contents"]]
    assert turns == ["user", "model", "user", "user"]


def test_a_failed_tool_is_said_to_have_failed() -> None:
    call = Message("assistant", (ToolCall("c", "f"),))
    result = Message("tool", (ToolResult("c", (Text("no"),), is_error=True),))
    body = sent(USER, call, result)
    response = body["contents"][2]["parts"][0]["functionResponse"]
    assert response == {"id": "c", "name": "f", "response": {"error": "no"}}
    assert taken(body).messages[2] == result


# Callers


def test_snake_case_and_lone_objects_are_understood() -> None:
    """What the official client sends, and what the guides show for curl."""
    request = taken(
        {
            "contents": {"parts": {"text": "hi"}},
            "system_instruction": {"parts": {"text": "be brief"}},
            "generation_config": {
                "max_output_tokens": 5,
                "thinking_config": {"thinking_level": "LOW", "include_thoughts": True},
                "response_mime_type": "application/json",
                "response_schema": {"type": "OBJECT", "properties": {"a_b": {"type": "STRING"}}},
            },
            "tools": {"function_declarations": {"name": "f", "parameters": {"type": "OBJECT"}}},
            "tool_config": {"function_calling_config": {"mode": "any"}},
            "cached_content": "cachedContents/1",
        }
    )
    assert [message.text for message in request.messages] == ["be brief", "hi"]
    assert (request.max_tokens, request.reasoning_effort) == (5, "low")
    assert request.tools == (Tool(name="f", parameters={"type": "object"}),)
    assert request.tool_choice == ToolChoice("required")
    assert request.format is not None
    assert request.format.schema == {"type": "object", "properties": {"a_b": {"type": "string"}}}
    assert request.extra["gemini"] == {
        "cached_content": "cachedContents/1",
        "generationConfig": {"thinkingConfig": {"include_thoughts": True}},
    }
    assert FACE.peek(PATH, {}, b'{"generation_config":{"candidate_count":2}}').choices == 2


def test_a_schema_of_the_apis_own_becomes_one_that_all_read() -> None:
    own = {
        "type": "OBJECT",
        "required": ["a"],
        "propertyOrdering": ["a"],
        "properties": {
            "a": {"type": "STRING", "nullable": True, "enum": ["x"]},
            "b": {"type": "ARRAY", "minItems": "1", "items": {"type": "INTEGER"}},
            "c": {"anyOf": [{"type": "NUMBER"}, {"type": "BOOLEAN"}], "nullable": True},
            "type": {"type": "STRING"},
        },
    }
    body = {"functionDeclarations": [{"name": "f", "parameters": own}]}
    (tool,) = taken({"contents": [], "tools": [body]}).tools
    assert isinstance(tool, Tool)
    assert tool.parameters == {
        "type": "object",
        "required": ["a"],
        "propertyOrdering": ["a"],
        "properties": {
            "a": {"type": ["string", "null"], "enum": ["x", None]},
            "b": {"type": "array", "minItems": 1, "items": {"type": "integer"}},
            "c": {"anyOf": [{"type": "number"}, {"type": "boolean"}, {"type": "null"}]},
            "type": {"type": "string"},
        },
    }


def test_results_without_ids_find_their_calls() -> None:
    def call(name: str) -> dict[str, Any]:
        return {"functionCall": {"name": name, "args": {}}}

    def result(name: str, value: Any, **more: Any) -> dict[str, Any]:
        return {"functionResponse": {"name": name, "response": {"output": value}} | more}

    request = taken(
        {
            "contents": [
                {"role": "model", "parts": [call("f"), call("g"), call("f")]},
                {
                    "role": "user",
                    "parts": [
                        result("g", "1"),
                        result("f", "2"),
                        result("f", "3", id="mine"),
                        {"text": "and?"},
                    ],
                },
                {"role": "model", "parts": [call("f")]},
                {"role": "function", "parts": [result("f", "4")]},
            ]
        }
    )
    said, answered, asked, again, last = request.messages
    f, g, h = (call.id for call in said.tool_calls)
    results = [part for part in answered.content if isinstance(part, ToolResult)]
    assert [part.call_id for part in results] == [g, f, h]
    assert asked.text == "and?"
    assert last.content == (ToolResult(again.tool_calls[0].id, (Text("4"),)),)
    assert len({f, g, h, again.tool_calls[0].id}) == 4


def test_a_tools_own_object_goes_back_as_an_object() -> None:
    part = {"functionResponse": {"id": "c", "name": "f", "response": {"result": [1], "n": "é"}}}
    call = {"role": "model", "parts": [{"functionCall": {"id": "c", "name": "f", "args": {}}}]}
    request = taken({"contents": [call, {"role": "user", "parts": [part]}]})
    (result,) = request.messages[1].content
    assert isinstance(result, ToolResult)
    assert result.content == (Text('{"result":[1],"n":"é"}'),)
    assert sent(*request.messages)["contents"][1]["parts"] == [part]


def test_url_safe_base64_becomes_the_usual() -> None:
    part = {"inlineData": {"mimeType": "image/png", "data": "-_-_"}}
    (message,) = taken({"contents": [{"parts": [part]}]}).messages
    assert message.content == (Image(data="+/+/", media_type="image/png"),)


def test_what_only_this_api_knows_is_kept_as_it_came() -> None:
    part = {"fileData": {"mimeType": "video/mp4", "fileUri": "u"}, "videoMetadata": {"fps": 1}}
    search = {"googleSearch": {"timeRangeFilter": {}}}
    calling = {"mode": "VALIDATED", "allowedFunctionNames": ["f", "g"]}
    body = {
        "contents": [{"role": "user", "parts": [part]}],
        "tools": [search],
        "toolConfig": {"functionCallingConfig": calling},
    }
    request = taken(body)
    assert request.messages[0].content == (Opaque("gemini", part),)
    assert request.tools == (Opaque("gemini", search),)
    draft_ = WIRE.encode(request, Quirks())
    assert msgspec.json.decode(draft_.body) == body


@pytest.mark.parametrize(
    ("path", "model", "stream"),
    [
        ("/v1beta/models/gemini-3.8-flash:generateContent", "gemini-3.8-flash", False),
        ("/v1/models/m:streamGenerateContent?alt=sse", "m", True),
        ("/v1beta/tunedModels/mine:generateContent", "tunedModels/mine", False),
        ("/v1/projects/p/locations/l/publishers/google/models/m:generateContent", "m", False),
        ("/models/a%20b:generateContent", "a b", False),
    ],
)
def test_the_model_stands_in_the_path(path: str, model: str, stream: bool) -> None:
    head = FACE.peek(path, {}, b"{}")
    assert (head.model, head.stream) == (model, stream)
    assert FACE.read(path, {}, b"{}").model == model


@pytest.mark.parametrize("path", ["/v1beta/models", "/models/m:countTokens", "/models/:x", ""])
def test_another_path_is_refused(path: str) -> None:
    with pytest.raises(BadRequestError, match="names no model") as caught:
        FACE.peek(path, {}, b"{}")
    assert caught.value.status == 404


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "truncated"),
        (b"[]", "no JSON object"),
        (b'{"contents":1}', "contents"),
        (b'{"contents":[{"role":"king","parts":[]}]}', "king"),
        (b'{"contents":[{"parts":[1]}]}', "parts"),
        (b'{"contents":[{"role":"model","parts":[{"functionCall":{}}]}]}', "name"),
        (b'{"contents":[],"tools":[{"functionDeclarations":[{}]}]}', "name"),
        (b'{"contents":[],"generationConfig":{"temperature":"warm"}}', "temperature"),
        (b'{"contents":[],"generationConfig":{"stopSequences":[1]}}', "stopSequences"),
        (b'{"contents":[{"parts":[{"text":"\xff"}]}]}', "0xff"),
    ],
)
def test_a_wrong_request_says_what_is_wrong(body: bytes, says: str) -> None:
    with pytest.raises(BadRequestError, match=says) as caught:
        FACE.read(PATH, {}, body)
    assert caught.value.status == 400
