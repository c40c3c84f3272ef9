"""extract_json: what it reports, which value it takes, and what it says when it refuses."""

import json
import math
from decimal import Decimal
from typing import Any

import pytest

from seawall.errors import SeawallError
from seawall.output import Extracted, ExtractError, extract_json


def refused(text: str, **options: Any) -> ExtractError:
    with pytest.raises(ExtractError) as caught:
        extract_json(text, **options)
    return caught.value


def test_a_clean_reply_is_reported_as_such() -> None:
    text = ' {"a": [1, 2.50, null]}\n'
    assert extract_json(text) == Extracted(
        value={"a": [1, 2.5, None]},
        json='{"a": [1, 2.50, null]}',
        raw='{"a": [1, 2.50, null]}',
        span=(1, 23),
    )


def test_each_repair_is_named_and_the_piece_is_shown() -> None:
    text = "Sure:\n```json\n{'a': True, /* x */ b: 1,}\n```"
    found = extract_json(text)
    assert found.value == {"a": True, "b": 1}
    assert found.json == '{"a":true,"b":1}'
    assert found.repairs == (
        "a code fence removed",
        "JSON taken out of surrounding prose",
        "single quotes made double",
        "Python literals made JSON",
        "comments removed",
        "quotes put round keys",
        "trailing commas removed",
    )
    assert text[slice(*found.span)] == found.raw == "{'a': True, /* x */ b: 1,}"


def test_no_digit_is_lost() -> None:
    text = '{"id": 123456789012345678901234567890, "x": 0.1234567890123456789, "y": 1e400,}'
    found = extract_json(text)
    assert found.value == {
        "id": 123456789012345678901234567890,
        "x": Decimal("0.1234567890123456789"),
        "y": Decimal("1E+400"),
    }
    assert "0.1234567890123456789" in found.json
    assert type(extract_json('{"x": 0.1, "y": 1e5}').value["x"]) is float


def test_a_number_beyond_what_python_reads_into_an_int_keeps_its_digits() -> None:
    digits = "9" * 5000
    assert extract_json(f'{{"n": {digits}}}').value["n"] == Decimal(digits)


def test_a_number_out_of_any_range_is_refused() -> None:
    assert "out of any range" in refused('{"n": 1e9999999999999999999999}').problem


def test_nan_and_infinity_are_kept_and_reported() -> None:
    found = extract_json('{"a": NaN, "b": -Infinity}')
    assert math.isnan(found.value["a"])
    assert found.value["b"] == -math.inf
    assert found.repairs == ("NaN or Infinity kept, which JSON does not have",)


def test_an_error_is_a_value_error_with_position_and_remedy() -> None:
    error = refused('{"a": 1, "b": 2024-05-01}')
    assert isinstance(error, ValueError)
    assert isinstance(error, SeawallError)
    assert error.reason == "unreadable"
    assert error.position == 14
    assert "2024-05-01" in str(error)
    assert "Ask the model again" in str(error)


def test_a_truncated_reply_says_what_is_missing() -> None:
    error = refused('{"items": [{"name": "A"}, {"name": "B", "price": 19')
    assert error.reason == "truncated"
    assert error.problem == (
        "the text ends inside the value at items[1].price; 3 brackets are left open"
    )
    assert "max_tokens" in error.remedy


def test_what_a_truncated_reply_drops_is_reported() -> None:
    found = extract_json('{"a": [1, 2], "price": 19', allow_truncated=True)
    assert found.value == {"a": [1, 2]}
    assert found.truncated
    assert "the text ends inside the value at price" in found.repairs[-1]


def test_several_different_values_are_refused_with_all_of_them() -> None:
    error = refused('One: {"id": 1}. Two: {"id": 2}.')
    assert error.reason == "ambiguous"
    assert error.alternatives == ({"id": 1}, {"id": 2})


@pytest.mark.parametrize(("prefer", "value"), [("first", {"id": 1}), ("last", {"id": 2})])
def test_a_preference_decides_and_is_reported(prefer: Any, value: Any) -> None:
    found = extract_json('One: {"id": 1}. Two: {"id": 2}.', prefer=prefer)
    assert found.value == value
    assert len(found.alternatives) == 1
    assert any(prefer in repair for repair in found.repairs)


def test_json_in_a_fence_goes_before_json_in_prose_and_the_other_is_kept() -> None:
    found = extract_json('You sent {"q": "x"}.\n```json\n{"answer": 1}\n```')
    assert found.value == {"answer": 1}
    assert found.alternatives == ({"q": "x"},)
    assert "other JSON in the text left out" in found.repairs


def test_a_broken_value_beside_a_sound_one_is_not_passed_over() -> None:
    error = refused('For example {"name": "x"}. Mine: {"name": "Bob", "age": 2024-01-01}')
    assert error.reason == "unreadable"


def test_a_schema_decides_between_values() -> None:
    schema = {"type": "object", "required": ["b"]}
    assert extract_json('{"a": 1} and {"b": 2}', schema=schema).value == {"b": 2}
    assert refused('{"b": 1} and {"b": 2}', schema=schema).reason == "ambiguous"


def test_a_function_may_decide_between_values() -> None:
    assert extract_json("[1] or [2]", schema=lambda value: value == [2]).value == [2]


def test_a_string_is_unwrapped_only_where_no_string_was_asked_for() -> None:
    text = json.dumps('{"a": 1}')
    assert extract_json(text).value == {"a": 1}
    assert extract_json(text, schema={"type": "string"}).value == '{"a": 1}'
    assert extract_json(text, schema={"type": "object"}).value == {"a": 1}


def test_a_duplicate_key_is_reported_if_equal_and_refused_if_not() -> None:
    assert extract_json('{"a": 1, "a": 1}').repairs == (
        "a key given twice with the same value kept once",
    )
    assert "'a' is given twice" in refused('{"a": 1, "a": 1.0}').problem


@pytest.mark.parametrize(
    "text",
    [
        '[1, 2) hmm {"a": 1}',
        '"x", "b": {"c": 1}}',
        '[null, "x[]',
        'a: [ {"a": 1}',
    ],
)
def test_a_part_is_never_taken_for_the_whole(text: str) -> None:
    refused(text)


def test_ten_thousand_values_are_too_many_to_choose_from() -> None:
    assert "more than 10000 pieces" in refused('{"a":1} ' * 10_002).problem


def test_a_broken_number_or_duplicate_in_a_damaged_reply_is_told() -> None:
    assert "given twice" in refused("It is {'a': 1, 'a': 2}.").problem


def test_fences_inside_strings_are_content() -> None:
    inner = "```json\n{}\n```"
    assert extract_json(f"```\n{json.dumps({'md': inner})}\n```").value == {"md": inner}


def test_reasoning_that_never_ends_holds_no_answer() -> None:
    assert "reasoning never ends" in refused('<think>so {"a": 1}').problem


def test_think_tags_inside_the_answer_are_content() -> None:
    assert extract_json('{"html": "<think>x</think>",}').value == {"html": "<think>x</think>"}


def test_lone_surrogates_survive() -> None:
    assert extract_json(r'{"a": "\ud83d",}').value == {"a": "\ud83d"}
