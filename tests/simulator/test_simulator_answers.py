"""Answers have the shape the request asks for, and count their tokens."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from simulator_world import WEATHER, World, question

from seawall.errors import BadRequestError, OverloadedError
from seawall.simulator import Script
from seawall.simulator.answers import TEXT, tokens
from seawall.simulator.samples import fits, sample
from seawall.types import Choice, Message, Request, Response, Text, ToolCall

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "depth": {"type": "number", "minimum": 7}},
    "required": ["name", "depth"],
    "additionalProperties": False,
}


def formatted(schema: Any) -> dict[str, Any]:
    inner = {"name": "it", "schema": schema, "strict": True}
    return {"response_format": {"type": "json_schema", "json_schema": inner}}


async def answered(world: World, **fields: Any) -> dict[str, Any]:
    status, _, body = await world.raw(question(**fields))
    answer = msgspec.json.decode(body)
    assert status == 200, answer
    return answer["choices"][0] | {"usage": answer["usage"], "choices": answer["choices"]}


async def test_a_schema_is_met_with_the_fixed_text_in_it() -> None:
    choice = await answered(World(Script(answer="Trieste")), **formatted(SCHEMA))
    assert msgspec.json.decode(choice["message"]["content"]) == {"name": "Trieste", "depth": 7}


async def test_a_fixed_text_that_fits_is_taken_as_it_is() -> None:
    text = '{"name": "Genoa", "depth": 9.5}'
    world = World(Script(answer=text))
    assert (await answered(world, **formatted(SCHEMA)))["message"]["content"] == text
    mode = {"response_format": {"type": "json_object"}}
    assert (await answered(world, **mode))["message"]["content"] == text


async def test_json_mode_gets_an_object() -> None:
    choice = await answered(
        World(Script(answer="Trieste")), response_format={"type": "json_object"}
    )
    assert choice["message"]["content"] == '{"answer":"Trieste"}'


async def test_tools_are_called_until_there_is_a_result() -> None:
    world = World(Script(answer="Trieste"))
    choice = await answered(world, tools=[WEATHER])
    call = choice["message"]["tool_calls"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert msgspec.json.decode(call["function"]["arguments"]) == {"harbour": "Trieste", "days": 3}
    result = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call["id"], "content": "sunny"},
    ]
    assert (await answered(world, tools=[WEATHER], messages=result))["finish_reason"] == "stop"
    required = {"tools": [WEATHER], "messages": result, "tool_choice": "required"}
    assert (await answered(world, **required))["finish_reason"] == "tool_calls"


async def test_a_tool_choice_is_obeyed() -> None:
    world = World()
    other = {"type": "function", "function": {"name": "tide"}}
    named = {"type": "function", "function": {"name": "tide"}}
    choice = await answered(world, tools=[WEATHER, other], tool_choice=named)
    function = choice["message"]["tool_calls"][0]["function"]
    assert function == {"name": "tide", "arguments": "{}"}
    choice = await answered(world, tools=[WEATHER], tool_choice="none")
    assert choice["message"]["content"] == TEXT
    named["function"] = {"name": "nosuch"}
    status, _, body = await world.raw(question(tools=[WEATHER], tool_choice=named))
    assert status == 400
    assert b"'nosuch', which is not among the tools" in body


async def test_limits_of_the_request_are_kept_and_counted() -> None:
    world = World(Script(answer="one two three four"))
    choice = await answered(world, max_tokens=2)
    assert (choice["message"]["content"], choice["finish_reason"]) == ("one two", "length")
    assert choice["usage"]["completion_tokens"] == 2
    choice = await answered(world, stop=[" three"], n=2)
    assert [one["message"]["content"] for one in choice["choices"]] == ["one two"] * 2
    usage = choice["usage"]
    assert usage["completion_tokens"] == 4
    assert usage["total_tokens"] == usage["prompt_tokens"] + 4
    assert usage["prompt_tokens"] > 0


async def test_a_streams_usage_comes_when_asked_for_and_only_then() -> None:
    world = World()
    _, _, without = await world.raw(question(stream=True))
    _, _, body = await world.raw(question(stream=True, stream_options={"include_usage": True}))
    assert b'"usage"' not in without
    assert body.count(b'"prompt_tokens":') == 1
    assert body.endswith(b"data: [DONE]\n\n")


async def test_a_callable_answers() -> None:
    async def slowly(request: Request) -> str:
        await asyncio.sleep(0)
        return request.messages[-1].text[::-1]

    assert (await World(answer=slowly).ask("stressed")).text == "desserts"
    call = ToolCall("c", "tide", "{}")
    assert (await World(answer=lambda _: Message("assistant", (call,))).ask()).tool_calls == (call,)
    whole = Response(
        id="mine", choices=(Choice(message=Message("assistant", (Text("x"),)), finish_reason="s"),)
    )
    assert (await World(answer=lambda _: whole).ask(stream=True)).response.id == "mine"


async def test_a_callable_may_refuse_and_is_not_asked_for_what_nobody_gets() -> None:
    asked: list[Request] = []

    def refuse(request: Request) -> str:
        asked.append(request)
        raise OverloadedError("busy")

    world = World(answer=refuse)
    with pytest.raises(OverloadedError, match="busy"):
        await world.ask(retry=False)
    assert (await world.raw(question(model="fault/401")))[0] == 401
    assert len(asked) == 1


async def test_a_broken_request_is_told_what_is_wrong() -> None:
    world = World()
    for body, said in [
        ({"model": "sim"}, "messages"),
        ({"messages": []}, "model"),
        (question(temperature="hot"), "temperature"),
        (question(n=129), "n is 129"),
        (question(n=0), "n is 0"),
    ]:
        status, _, answer = await world.raw(body)
        error = msgspec.json.decode(answer)["error"]
        assert (status, error["type"]) == (400, "invalid_request_error")
        assert said in error["message"]


async def test_paths() -> None:
    world = World()
    _, _, body = await world.raw(path="/v1/models", method="GET")
    names = [one["id"] for one in msgspec.json.decode(body)["data"]]
    assert names[0] == "sim"
    assert "fault/cut" in names
    _, _, body = await world.raw(path="/v1/models/fault/cut", method="GET")
    assert msgspec.json.decode(body)["object"] == "model"
    assert (await world.raw(question(), path="/chat/completions"))[0] == 200
    for method, path, status, code in [
        ("GET", "/v1/models/other", 404, "model_not_found"),
        ("GET", "/v1/modelsother", 404, "unknown_url"),
        ("GET", "/", 404, "unknown_url"),
        ("POST", "/v1/nothing", 404, "unknown_url"),
        ("GET", "/v1/chat/completions", 405, "method_not_supported"),
        ("DELETE", "/v1/models", 405, "method_not_supported"),
    ]:
        got, _, body = await world.raw(path=path, method=method)
        error = msgspec.json.decode(body)["error"]
        assert (got, error["code"]) == (status, code)
        assert set(error) == {"message", "type", "param", "code"}


SCHEMAS: list[Any] = [
    {"type": "string", "minLength": 20, "maxLength": 30},
    {"type": "string", "format": "date-time"},
    {"type": "integer", "exclusiveMinimum": 100, "multipleOf": 7},
    {"type": "number", "maximum": -2.5},
    {"type": ["null", "integer"]},
    {"enum": ["a", "b"]},
    {"const": 3},
    {"type": "array", "items": {"type": "boolean"}, "minItems": 3},
    {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}]},
    {"anyOf": [{"$ref": "#/$defs/leaf"}, {"type": "null"}], "$defs": {"leaf": {"type": "string"}}},
    {
        "allOf": [
            {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
            {"properties": {"b": {"type": "integer"}}, "required": ["b"]},
        ]
    },
    {
        "$ref": "#/$defs/node",
        "$defs": {
            "node": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
                    "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
                },
                "required": ["name", "children", "next"],
                "additionalProperties": False,
            }
        },
    },
    {"type": "object", "additionalProperties": {"type": "integer"}, "required": ["x"]},
    True,
    {},
]


@pytest.mark.parametrize("schema", SCHEMAS, ids=str)
def test_a_sample_fits_its_schema(schema: Any) -> None:
    if isinstance(schema, dict):
        assert fits(sample(schema, "Trieste"), schema)
    else:
        wrapped = {"type": "object", "properties": {"x": schema}, "required": ["x"]}
        assert fits(sample(wrapped, "Trieste"), wrapped)


@pytest.mark.parametrize(
    ("schema", "complaint"),
    [
        ({"type": "string", "pattern": "^[0-9]{5}$"}, "no sample answer could be made up"),
        ({"$ref": "#/$defs/nosuch"}, "'#/\\$defs/nosuch', which is not in it"),
        ({"$ref": "#"}, "without an end"),
        ({"type": "nonsense"}, "the schema is not valid"),
    ],
)
def test_a_schema_that_cannot_be_met_is_refused(schema: Any, complaint: str) -> None:
    with pytest.raises(BadRequestError, match=complaint):
        sample(schema, "Trieste")


def test_tokens_joined_are_the_text() -> None:
    for text in (TEXT, "", "  a  \n", "x" * 100, "a,b;c"):
        assert "".join(tokens(text)) == text
    assert max(map(len, tokens("x" * 100))) <= 12
