"""extract_json: what it reports, which value it takes, and what it says when it refuses."""

import json
import math
from decimal import Decimal
from typing import Any

import pytest

from seawall.errors import ExtractError, SeawallError
from seawall.output import Extracted, extract_json


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


def test_a_reply_without_its_end_says_what_is_missing() -> None:
    text = '{"items": [{"name": "A"}, {"name": "B", "price": 19'
    found = extract_json(text)
    assert found.value == {"items": [{"name": "A"}, {"name": "B"}]}
    assert found.truncated
    assert found.repairs == (
        "the end is missing: what was open closed, what was unfinished left out, and more may have "
        "followed (the text ends inside the value at items[1].price; 3 brackets are left open)",
    )
    error = refused(text, allow_truncated=False)
    assert error.reason == "truncated"
    assert error.problem == (
        "the text ends inside the value at items[1].price; 3 brackets are left open"
    )
    assert "max_tokens" in error.remedy


@pytest.mark.parametrize(
    ("text", "doubt", "value"),
    [
        ('{"a": {"b": 1, "c": 2}', "a bracket may be missing", {"a": {"b": 1, "c": 2}}),
        ('{"a": {"b": {"c": 1, "d": 2}}', "a bracket may be", {"a": {"b": {"c": 1, "d": 2}}}),
        ("[[1, 2], [3, 4]", "a bracket may be missing", [[1, 2], [3, 4]]),
        ('[{"a": 1}', "superfluous further in", [{"a": 1}]),
        ('{"a": 1, "b": "x}', "a quote may be missing", {"a": 1}),
        ('```\n{"a": 1, "b": "x}\n```', "a quote may be missing", {"a": 1}),
        ('{"a": 1 // first, "b": 2}', "a comment may hide the end", {"a": 1}),
        ('[1, {"a": 2, "b": [{}, 3]', "superfluous further in", [1, {"a": 2, "b": [{}, 3]}]),
        ('{"a": [{, "b": "c"}', "superfluous further in", {"a": [{"b": "c"}]}),
    ],
)
def test_where_something_else_than_the_end_may_be_missing_nothing_is_guessed(
    text: str, doubt: str, value: Any
) -> None:
    error = refused(text)
    assert error.reason == "truncated"
    assert doubt in error.problem
    assert extract_json(text, allow_truncated=True).value == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1, "b": {"c": "x"}', {"a": 1, "b": {"c": "x"}}),
        (
            '{"items": [{"a": 1, "b": 2}, {"a": 3, "b": 4}',
            {"items": [{"a": 1, "b": 2}, {"a": 3, "b": 4}]},
        ),
        ('{"items": [{"a": 1}', {"items": [{"a": 1}]}),
        ('[{"a": 1}, {"a": 2}', [{"a": 1}, {"a": 2}]),
        ('{"a": ["x", "y"]', {"a": ["x", "y"]}),
        ('{"a": {"b": 1, "c": 2},', {"a": {"b": 1, "c": 2}}),
        ('{"a": {"b": 1, "c": "x"', {"a": {"b": 1, "c": "x"}}),
        ('{"a": 1, "code": "f(x[0]) {', {"a": 1}),
    ],
)
def test_where_only_the_end_can_be_missing_the_rest_is_taken(text: str, value: Any) -> None:
    found = extract_json(text)
    assert (found.value, found.truncated) == (value, True)


def test_several_different_values_come_as_a_list() -> None:
    found = extract_json('One: {"id": 1}. Again: {"id": 1}. Two: {"id": 2, "n": [3]}.')
    assert found.value == [{"id": 1}, {"id": 2, "n": [3]}]
    assert json.loads(found.json) == found.value
    assert found.repairs == (
        "JSON taken out of surrounding prose",
        "the 2 different JSON values of the text given as a list",
    )


@pytest.mark.parametrize(
    "text",
    [
        '{"id": 1} ... {"id": 9}',
        '{"id": 1}\n(47 more …)\n{"id": 9}',
        '[1, ["x"]] null, [2, ["y"]]',
        "See [1] and [2].",
    ],
)
def test_references_and_pieces_of_something_else_are_no_list(text: str) -> None:
    assert refused(text).reason == "ambiguous"


@pytest.mark.parametrize("gap", ["\n2. ", "\n\n---\n\n", "\n- ", "; ", " or, if you prefer, "])
def test_marks_and_words_may_stand_between_the_values_of_a_list(gap: str) -> None:
    assert extract_json(f'{{"id": 1}}{gap}{{"id": 2}}').value == [{"id": 1}, {"id": 2}]


def test_a_list_must_fit_the_schema_if_there_is_one() -> None:
    text = 'One: {"id": 1}. Two: {"id": 2}.'
    assert refused(text, schema={"type": "object"}).reason == "ambiguous"
    assert extract_json(text, schema={"type": "array"}).value == [{"id": 1}, {"id": 2}]


def test_several_different_values_are_refused_with_all_of_them_where_one_is_wanted() -> None:
    error = refused('One: {"id": 1}. Two: {"id": 2}.', prefer="only")
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
