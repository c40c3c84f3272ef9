"""What an answer can be asked to be, and how a wrong one is refused."""

import dataclasses
import datetime
import enum
import json
import uuid
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal, NotRequired, Optional

import msgspec
import pydantic
import pytest
import typing_extensions

from seawall.errors import ConfigError, OutputError
from seawall.output import strict_schema, target
from seawall.ports import Validator


class Line(pydantic.BaseModel):
    name: str
    price: float
    quantity: int = 1
    added: datetime.date | None = None


class Order(pydantic.BaseModel):
    """What a customer wants."""

    items: list[Line]
    total: Decimal = pydantic.Field(gt=0)
    kind: Literal["new", "old"] = "new"

    @pydantic.field_validator("items")
    @classmethod
    def _some(cls, items: list[Line]) -> list[Line]:
        if not items:
            raise ValueError("an order has at least one line")
        return items


class Closed(pydantic.BaseModel, extra="forbid"):
    a: int


class Mixed(pydantic.BaseModel):
    a: Decimal
    b: float
    c: list[Decimal | str]
    d: Any


@pydantic.dataclasses.dataclass
class Weighed:
    grams: float


@dataclasses.dataclass
class Product:
    name: str
    price: float
    tags: list[str] = dataclasses.field(default_factory=list)


class Movie(typing_extensions.TypedDict):
    title: str
    year: NotRequired[int]


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Node(msgspec.Struct):
    value: int
    children: list["Node"] = []
    label: str = "none"


class Strict(msgspec.Struct, forbid_unknown_fields=True):
    id: uuid.UUID
    colour: Colour
    amount: Annotated[Decimal, msgspec.Meta(description="in USD")]
    note: Optional[str] = None  # noqa: UP045 - both spellings are used


def errors(spec: Any, text: str) -> tuple[str, ...]:
    with pytest.raises(OutputError) as caught:
        target(spec).check(text)
    assert caught.value.raw == text
    assert caught.value.errors[0] in str(caught.value)
    return caught.value.errors


SCHEMA = {
    "title": "A person!",
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 2},
        "born": {"type": "string", "format": "date"},
        "friend": {"$ref": "#/$defs/friend"},
    },
    "required": ["name"],
    "additionalProperties": False,
    "$defs": {"friend": {"anyOf": [{"type": "integer"}, {"type": "null"}]}},
}


@pytest.mark.parametrize(
    ("spec", "text", "value"),
    [
        (Order, '{"items": [{"name": "x", "price": 1}], "total": 2.50}', None),
        (Weighed, '{"grams": 5}', Weighed(5.0)),
        (list[Line], '[{"name": "x", "price": 1}]', [Line(name="x", price=1)]),
        (pydantic.TypeAdapter(list[int]), "[1, 2]", [1, 2]),
        (Annotated[int, pydantic.Field(gt=3)], '{"value": 4}', 4),
        (Product, '{"name": "x", "price": 1, "tags": ["a"]}', Product("x", 1.0, ["a"])),
        (list[Product], '{"value": [{"name": "x", "price": 1}]}', [Product("x", 1.0)]),
        (Movie, '{"title": "Alien", "year": 1979}', {"title": "Alien", "year": 1979}),
        (Node, '{"value": 1, "children": [{"value": 2}]}', Node(1, [Node(2)])),
        (dict[str, int], '{"a": 1}', {"a": 1}),
        (dict[int, str], '{"1": "a"}', {1: "a"}),
        (list[int], "[1, 2]", [1, 2]),
        (list[int], '{"value": [1, 2]}', [1, 2]),
        (Literal["a", "b"], '{"value": "b"}', "b"),
        (int | str, '{"value": "5"}', "5"),
        (Node | None, '{"value": null}', None),
        (Node | None, '{"value": 1}', Node(1)),
        (bool, "true", True),
        (str, '"[1, 2]"', "[1, 2]"),
        (Colour, '{"value": "red"}', Colour.RED),
        (tuple[int, str], '{"value": [1, "a"]}', (1, "a")),
        (SCHEMA, '{"name": "Ada", "born": "1815-12-10"}', {"name": "Ada", "born": "1815-12-10"}),
        ({"type": "array", "items": {"type": "integer"}}, "[1]", [1]),
        ({"type": "array", "items": {"type": "integer"}}, '{"value": [1]}', [1]),
        ({}, '{"anything": 1}', {"anything": 1}),
    ],
    ids=str,
)
def test_a_right_answer_becomes_the_type_asked_for(spec: Any, text: str, value: Any) -> None:
    validator = target(spec)
    assert isinstance(validator, Validator)
    assert validator.schema["type"] == "object"
    found, repairs = validator.check(text)
    if value is not None or spec is not Order:
        assert found == value
        assert type(found) is type(value)
    assert repairs == ()


def test_what_json_has_no_type_for_is_read_from_strings_and_digits_are_kept() -> None:
    text = (
        '{"id": "12345678-1234-5678-1234-567812345678", "colour": "blue",'
        ' "amount": 0.1234567890123456789012}'
    )
    value, _ = target(Strict).check(text)
    assert value == Strict(
        uuid.UUID("12345678-1234-5678-1234-567812345678"),
        Colour.BLUE,
        Decimal("0.1234567890123456789012"),
    )
    order, _ = target(Order).check(
        '{"items": [{"name": "x", "price": 1, "added": "2026-05-01"}],'
        ' "total": 123456789012345678.10}'
    )
    assert order.total == Decimal("123456789012345678.10")
    assert order.items[0].added == datetime.date(2026, 5, 1)
    exact = "0.1234567890123456789"
    mixed, _ = target(Mixed).check(f'{{"a": {exact}, "b": {exact}, "c": [{exact}], "d": {exact}}}')
    assert mixed == Mixed(a=Decimal(exact), b=float(exact), c=[Decimal(exact)], d=float(exact))
    assert type(mixed.d) is float
    wrapped, _ = target(Decimal).check('{"value": 1.10}')
    assert str(wrapped) == "1.10"
    plain, _ = target({}).check('{"n": 0.12345678901234567890}')
    assert plain["n"] == Decimal("0.12345678901234567890")


def test_repairs_come_with_the_value() -> None:
    value, repairs = target(Product).check("Sure:\n```json\n{'name': 'x', 'price': 1,}\n```")
    assert value == Product("x", 1.0)
    assert "a code fence removed" in repairs
    assert "trailing commas removed" in repairs


def test_pydantic_tells_every_error_with_its_place() -> None:
    text = json.dumps(
        {"items": [{"name": "x", "price": "cheap", "quantity": "3"}, {"price": 1}], "total": -1}
    )
    assert errors(Order, text) == (
        "items[0].price: Input should be a valid number, got string 'cheap'",
        "items[0].quantity: Input should be a valid integer, got string '3'",
        "items[1].name: missing, but required",
        "total: Input should be greater than 0, got number -1",
    )
    assert "at least one line" in errors(Order, '{"items": [], "total": 1}')[0]


@pytest.mark.parametrize(
    ("spec", "text", "told"),
    [
        (
            list[Product],
            '{"value": [{"name": "x", "price": "cheap"}, {"name": 3, "price": 1}, {"name": "y"}]}',
            (
                "value[0].price: expected number, got string 'cheap'",
                "value[1].name: expected string, got number 3",
                "value[2].price: missing, but required",
            ),
        ),
        (Node, '{"value": 1.0}', ("value: Expected int, got float",)),
        (Movie, '{"year": "1979"}', ("title: missing, but required",)),
        (Literal["a", "b"], '"c"', ('expected one of ["a", "b"], got string \'c\'',)),
        (Node | None, '{"value": {"value": "x"}}', ("value.value: expected integer",)),
        (int | str, '{"value": []}', ("value: expected integer or string, got an array of 0",)),
        (list[int], '{"value": [1, NaN]}', ("value: NaN and Infinity are not JSON",)),
        (Strict, '{"id": 1, "x": 2}', ("id: expected string, got number 1",)),
        (SCHEMA, '{"name": "A", "x": 1}', ('name: "A" is shorter than 2 characters',)),
        (SCHEMA, '{"name": "Ada", "born": "May"}', ('born: "May" is not a "date"',)),
        (SCHEMA, '{"name": "Ada", "friend": "x"}', ("friend: expected integer or null, got str",)),
        ({"const": "a"}, '{"value": "b"}', ("value: expected \"a\", got string 'b'",)),
        (
            {"anyOf": [{"const": 1}, {"enum": ["a", "b"]}]},
            '{"value": true}',
            ('value: expected 1 or one of ["a", "b"], got true',),
        ),
        (Closed, '{"a": 1, "b": 2}', ("b: no such field; leave it out",)),
        (SCHEMA, '{"name": "Ada", "x": 1}', ("x: no such field; leave it out",)),
        (Weighed, '{"grams": "5"}', ("grams: Input should be a valid number, got string '5'",)),
        (list[Line], '{"value": [{"name": "x"}]}', ("value[0].price: missing, but required",)),
        (Product, "no JSON here", ("the text holds no JSON object or array",)),
        (Product, '{"name": "x", "price": 19', ("the text ends inside the value at price",)),
        (Product, '{"name": "x", "price": 1,299}', ("a colon expected",)),
    ],
    ids=str,
)
def test_a_wrong_answer_is_told_in_words_a_model_can_act_upon(
    spec: Any, text: str, told: tuple[str, ...]
) -> None:
    found = errors(spec, text)
    for expected in told:
        assert any(line.startswith(expected) for line in found), found


def test_errors_are_bounded_in_number_and_length() -> None:
    text = json.dumps({"value": ["x" * 500 + str(number) for number in range(5000)]})
    found = errors(list[int], text)
    assert len(found) == 21
    assert "more errors" in found[-1]
    assert max(map(len, found)) <= 300


@dataclasses.dataclass
class Ordered:
    low: int
    high: int

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError("low is above high")


def test_a_types_own_checks_run() -> None:
    assert errors(Ordered, '{"low": 2, "high": 1}') == ("low is above high",)


@pytest.mark.parametrize(
    ("spec", "text", "value"),
    [
        (Product, '{"name": "x", "price": 1, "tags": null}', Product("x", 1.0)),
        (Movie, '{"title": "Alien", "year": null}', {"title": "Alien"}),
        (
            Node,
            '{"value": 1, "label": null, "children": [{"value": 2, "label": null}]}',
            Node(1, [Node(2)]),
        ),
        (list[Line], '[{"name": "x", "price": 1, "quantity": null}]', [Line(name="x", price=1)]),
        (SCHEMA, '{"name": "Ada", "born": null, "friend": null}', {"name": "Ada", "friend": None}),
        (
            {
                "type": "object",
                "properties": {"a": {"const": 1}, "b": {"enum": ["x", None]}, "c": {"const": None}},
            },
            '{"a": null, "b": null, "c": null}',
            {"b": None, "c": None},
        ),
    ],
    ids=str,
)
def test_an_optional_field_given_as_null_counts_as_left_out(
    spec: Any, text: str, value: Any
) -> None:
    validator = target(spec)
    assert strict_schema(validator.schema)[0] is not None
    assert validator.check(text) == (value, ("optional fields given as null left out",))


def test_a_required_field_given_as_null_is_wrong() -> None:
    assert errors(Product, '{"name": null, "price": 1}') == ("name: expected string, got null",)


def test_the_value_that_fits_is_taken_from_several() -> None:
    text = 'The input {"q": 1} gives {"name": "x", "price": 2}.'
    assert target(Product).check(text)[0] == Product("x", 2.0)


def test_what_a_type_allows_it_may_hold() -> None:
    assert target(dict[str, int]).check('{"value": 5}')[0] == {"value": 5}
    both = target(Node | list[int])
    assert both.check('{"value": [1]}')[0] == [1]
    assert both.check('{"value": 5}')[0] == Node(5)


def test_names_are_ones_that_vendors_accept() -> None:
    assert target(Order).name == "Order"
    assert target(SCHEMA).name == "A_person"
    assert target({"type": "object", "title": "价格"}).name == "output"
    assert target(int | str).name == "output"


def test_a_target_is_made_once_for_each_type_and_each_schema() -> None:
    assert target(Product) is target(Product)
    assert target(dict(SCHEMA)) is target(json.loads(json.dumps(SCHEMA)))
    assert target({"type": "object"}) is not target(SCHEMA)


def test_a_validator_of_the_callers_own_is_taken_as_it_is() -> None:
    class Shout:
        name = "shout"
        schema: ClassVar = {"type": "object"}

        def check(self, text: str, /) -> tuple[str, tuple[str, ...]]:
            return text.upper(), ()

    own = Shout()
    assert target(own) is own


class Untyped:
    def __init__(self, anything) -> None:
        self.anything = anything


class Impossible(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)
    thing: Untyped


@dataclasses.dataclass
class Dangling:
    there: "Nowhere"  # noqa: F821 # type: ignore[name-defined]


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        (5, "5"),
        ("Product", "'Product'"),
        (object, "object"),
        (Untyped, "Untyped"),
        (list[Untyped], "Untyped"),
        (Impossible, "Impossible"),
        (Dangling, "Nowhere"),
        ([int], "int"),
        ({"type": "integr"}, "integr"),
        ({"$ref": "#/$defs/gone"}, "/$defs/gone"),
        ({"$ref": "http://127.0.0.1:9/schema.json"}, "Retrieval is disabled"),
        ({"pattern": "("}, "("),
        ({"default": Untyped(1)}, "not JSON"),
    ],
)
def test_what_cannot_be_a_type_is_named(spec: Any, named: str) -> None:
    with pytest.raises(ConfigError) as caught:
        target(spec)
    assert named in str(caught.value)
    assert caught.value.key == "output"


def test_a_schema_that_leads_in_a_circle_is_survived() -> None:
    circle = {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}
    assert target(circle).check('{"value": {"x": null}}')[0] == {"x": None}
    own = {"anyOf": [{"$ref": "#"}, {"type": "string"}], "minProperties": 2}
    assert errors(own, '{"value": {"x": null}}')


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"items": [{"name": "a", "price": 1}], "total": 1,', "the text ends in"),
        ('[{"name": "a", "price": 1}, {"name": "b", "price": 2}', "the text ends in"),
        (
            'Either {"name": "a", "price": 1} or {"name": "b", "price": 2}.',
            "2 different JSON values",
        ),
    ],
)
def test_an_answer_must_be_whole_and_one_though_what_there_is_would_do(
    text: str, told: str
) -> None:
    for spec in (dict[str, Any], list[Any], {"type": ["object", "array"]}):
        with pytest.raises(OutputError, match=told):
            target(spec).check(text)
