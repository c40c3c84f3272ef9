"""Schemas as vendors want them."""

import json
from typing import Any, Literal

import jsonschema_rs
import msgspec
import openai
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seawall.output import strict_schema, target
from seawall.output.schema import rooted


class Leaf(pydantic.BaseModel):
    kind: Literal["leaf"]
    size: int = pydantic.Field(ge=0, description="in bytes")


class Branch(pydantic.BaseModel):
    """A branch with others below it."""

    kind: Literal["branch"]
    below: "list[Branch | Leaf]" = []
    best: Leaf | None = pydantic.Field(None, description="the best one")
    name: str = pydantic.Field("", max_length=5, json_schema_extra={"pattern": "^(?!x)"})


class Pair(msgspec.Struct):
    left: int
    right: "Pair | None" = None


def test_a_root_that_is_only_a_reference_is_replaced_by_what_it_leads_to() -> None:
    schema = target(Pair).schema
    assert schema["properties"]["left"] == {"type": "integer"}
    assert schema["$defs"]["Pair"]["type"] == "object"


def test_a_definition_that_nothing_names_any_more_is_left_out() -> None:
    class Flat(msgspec.Struct):
        a: int

    assert "$defs" not in target(Flat).schema


def test_a_wrapped_root_keeps_its_references_alive() -> None:
    schema = {
        "type": "array",
        "items": {"anyOf": [{"type": "integer"}, {"$ref": "#"}, {"$ref": "#/$defs/word"}]},
        "$defs": {"word": {"type": "string", "const": "#"}},
    }
    wrapper, wrapped = rooted(schema)
    assert wrapped
    checker = jsonschema_rs.validator_for(wrapper)
    assert checker.is_valid({"value": [1, [2, ["#"]]]})
    assert not checker.is_valid({"value": [1, ["x"]]})
    assert not checker.is_valid([1])


def test_strict_mode_closes_objects_and_requires_every_field() -> None:
    strict, why = strict_schema(target(Branch).schema)
    assert why == ""
    assert strict is not None
    assert strict["additionalProperties"] is False
    assert strict["required"] == ["kind", "below", "best", "name"]
    fields = strict["properties"]
    assert fields["kind"] == {"const": "branch", "title": "Kind", "type": "string"}
    assert fields["below"]["type"] == ["array", "null"]
    assert fields["name"] == {"title": "Name", "type": ["string", "null"]}
    assert fields["best"]["description"] == "the best one"
    leaf = strict["$defs"]["Leaf"]["properties"]["size"]
    assert leaf == {"type": "integer", "minimum": 0, "description": "in bytes", "title": "Size"}


def walk(node: Any) -> Any:
    if isinstance(node, dict):
        yield node
    for inner in (
        node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    ):
        yield from walk(inner)


@pytest.mark.parametrize(
    "spec", [Branch, Leaf, Pair, list[Branch], list[int], Literal["a", 1, None]]
)
def test_a_strict_schema_keeps_the_rules_of_strict_mode(spec: Any) -> None:
    strict, _ = strict_schema(target(spec).schema)
    assert strict is not None
    jsonschema_rs.validator_for(strict)
    assert strict["type"] == "object"
    for node in walk(strict):
        if node.get("type") == "object" and "properties" in node:
            assert node["additionalProperties"] is False
            assert sorted(node["required"]) == sorted(node["properties"])
        if "$ref" in node:
            assert list(node) == ["$ref"]
        assert not node.keys() & {"default", "oneOf", "allOf", "maxLength", "discriminator"}


def test_a_described_reference_is_written_out_as_the_official_package_does() -> None:
    strict, _ = strict_schema(
        {
            "type": "object",
            "properties": {"a": {"$ref": "#/$defs/n", "description": "the first"}},
            "required": ["a"],
            "$defs": {
                "n": {
                    "type": "object",
                    "properties": {"next": {"$ref": "#/$defs/n", "description": "one more"}},
                    "required": ["next"],
                }
            },
        }
    )
    assert strict is not None
    first = strict["properties"]["a"]
    assert first["description"] == "the first"
    assert first["properties"]["next"] == {"$ref": "#/$defs/n"}


def test_the_official_package_agrees_where_every_field_is_required() -> None:
    class Plain(pydantic.BaseModel):
        name: str
        leaf: Leaf
        leaves: list[Leaf]
        number: float | None

    strict, _ = strict_schema(Plain.model_json_schema())
    assert strict == openai.pydantic_function_tool(Plain)["function"].get("parameters")


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"type": "object"}, "the value takes fields of any name"),
        ({"type": "array", "items": {"type": "integer"}}, "the root is not an object"),
        (
            {"type": "object", "properties": {"a": {}}},
            "the value.a may be anything",
        ),
        (
            {"type": "object", "properties": {"m": {"additionalProperties": {}, "type": "object"}}},
            "the value.m takes fields of any name",
        ),
        (
            {"type": "object", "properties": {"a": {"type": "array", "prefixItems": []}}},
            "the value.a uses prefixItems",
        ),
        (
            {"type": "object", "properties": {"a": {"allOf": [{}, {}]}}},
            "the value.a uses allOf",
        ),
        (
            {"type": "object", "properties": {"a": {"anyOf": [{"type": "null"}], "enum": [1]}}},
            "the value.a mixes anyOf with other keywords",
        ),
        (
            {"type": "object", "properties": {"a": {"description": "anything"}}},
            "the value.a has no type",
        ),
        (
            {"type": "object", "properties": {"a": {"$ref": "http://example.org/x"}}},
            "the value.a refers to http://example.org/x, which is not inside the schema",
        ),
        (
            {"type": "object", "properties": {"a": {"$ref": "#/$defs/gone"}}},
            "the value.a refers to #/$defs/gone, which is not inside the schema",
        ),
        (
            {"type": "object", "properties": {"a": {"enum": list(range(1001))}}},
            "it has 1001 enum values, and 1000 is the most",
        ),
        (
            {"type": "object", "properties": {str(n): {"type": "null"} for n in range(5001)}},
            "it has 5001 properties, and 5000 is the most",
        ),
    ],
    ids=str,
)
def test_what_strict_mode_cannot_express_is_told(schema: dict[str, Any], why: str) -> None:
    assert strict_schema(schema) == (None, why)


def test_what_can_be_said_in_other_words_is() -> None:
    strict, _ = strict_schema(
        {
            "properties": {
                "one": {"allOf": [{"$ref": "#/definitions/n"}], "description": "a number"},
                "two": {"$ref": "#/definitions/n"},
                "day": {"type": "string", "format": "date", "pattern": "^2"},
                "any": {"oneOf": [{"type": "null"}, {"properties": {"x": {"enum": [1, "a"]}}}]},
            },
            "required": ["one", "two", "day"],
            "type": "object",
            "definitions": {"n": {"type": "number", "maximum": 5}},
        }
    )
    assert strict is not None
    assert strict["properties"] == {
        "one": {"type": "number", "maximum": 5, "description": "a number"},
        "two": {"$ref": "#/$defs/n"},
        "day": {"type": "string", "format": "date", "pattern": "^2"},
        "any": {
            "anyOf": [
                {"type": "null"},
                {
                    "type": "object",
                    "properties": {
                        "x": {
                            "anyOf": [
                                {"enum": [1, "a"], "type": ["integer", "string"]},
                                {"type": "null"},
                            ]
                        }
                    },
                    "required": ["x"],
                    "additionalProperties": False,
                },
            ]
        },
    }


def test_nesting_beyond_the_limit_is_told() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(11):
        schema = {"type": "object", "properties": {"x": schema}, "required": ["x"]}
    assert "nested deeper" in strict_schema(schema)[1]


def test_the_schema_given_is_left_as_it_was() -> None:
    schema = target(Branch).schema
    before = json.dumps(schema)
    strict_schema(schema)
    assert json.dumps(schema) == before


SCALARS = st.sampled_from([{"type": "string"}, {"type": "integer"}, {"type": ["null", "boolean"]}])
SCHEMAS = st.recursive(
    SCALARS,
    lambda inner: (
        st.builds(lambda items: {"type": "array", "items": items}, inner)
        | st.builds(
            lambda fields, required: {
                "type": "object",
                "properties": fields,
                "required": [name for name in fields if name in required],
            },
            st.dictionaries(st.sampled_from("abcd"), inner, min_size=1),
            st.sets(st.sampled_from("abcd")),
        )
        | st.builds(lambda one, other: {"anyOf": [one, other]}, inner, inner)
    ),
    max_leaves=6,
)


def instance(schema: Any, data: st.DataObject) -> Any:
    """Something a model bound to ``schema`` may write."""
    if "anyOf" in schema:
        return instance(data.draw(st.sampled_from(schema["anyOf"])), data)
    kind = schema["type"]
    if isinstance(kind, list):
        kind = data.draw(st.sampled_from(kind))
    if kind == "object":
        return {name: instance(field, data) for name, field in schema["properties"].items()}
    if kind == "array":
        return [instance(schema["items"], data) for _ in range(data.draw(st.integers(0, 2)))]
    return {"string": "x", "integer": 1, "boolean": True, "null": None}[kind]


@settings(deadline=None, max_examples=200)
@given(SCHEMAS, st.data())
def test_what_strict_mode_lets_a_model_write_is_valid(schema: Any, data: st.DataObject) -> None:
    validator = target(schema)
    strict, why = strict_schema(validator.schema)
    assert strict is not None, why
    written = instance(strict, data)
    assert jsonschema_rs.is_valid(strict, written)
    value, _ = validator.check(json.dumps(written))
    assert jsonschema_rs.is_valid(schema, value)
