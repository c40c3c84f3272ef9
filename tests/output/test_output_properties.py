"""Whatever the value and whatever the damage, no meaning changes."""

import json
import random
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

import output_corpus
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from seawall.errors import ExtractError
from seawall.output import extract_json
from seawall.output.decode import canonical, decode, encode
from seawall.output.reader import read

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12
)
CONTAINERS = VALUES.filter(lambda value: isinstance(value, dict | list))
#: Prose without brackets and fences of its own.
PROSE = st.text(st.characters(exclude_characters="[]{}`~<>\",:'”", exclude_categories=["Cs"]))

#: Values whose words can be told from a damaged text: no escapes, no brackets in strings.
WORDS = st.text(st.sampled_from("abxyz 019éß漢'-"), max_size=8).map(str.strip)
NUMBERS = st.integers(-999, 99999) | st.floats(-1e6, 1e6).map(lambda number: round(number, 3))
SIMPLE = st.recursive(
    st.none() | st.booleans() | NUMBERS | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=10,
).filter(lambda value: isinstance(value, dict | list))

ALL = cast("list[HealthCheck]", list(HealthCheck))
MANY = settings(deadline=None, suppress_health_check=ALL, max_examples=150)


@MANY
@given(CONTAINERS, st.booleans(), st.sampled_from([None, 1]))
def test_json_is_read_as_it_is(value: Any, ascii_only: bool, indent: int | None) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    found = extract_json(text)
    assert canonical(found.value) == canonical(value)
    assert (found.json, found.repairs) == (text, ())


@MANY
@given(CONTAINERS, st.booleans())
def test_the_lenient_reader_reads_json_like_the_strict_one(value: Any, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=1)
    reading = read(text, 0)
    assert (reading.state, reading.end, reading.repairs) == ("complete", len(text), ())
    assert canonical(json.loads(reading.json)) == canonical(value)


@MANY
@given(CONTAINERS, PROSE, PROSE, st.sampled_from(["```json\n{}\n```", "~~~\n{}\n~~~", "\n{}\n"]))
def test_fences_and_prose_change_nothing(value: Any, before: str, after: str, mark: str) -> None:
    text = before + "\n" + mark.format(json.dumps(value)) + "\n" + after
    assert canonical(extract_json(text).value) == canonical(value)


@MANY
@given(CONTAINERS)
def test_encoding_twice_changes_nothing(value: Any) -> None:
    text = json.dumps(json.dumps(value))
    assert canonical(extract_json(text).value) == canonical(value)
    assert canonical(extract_json(text[1:-1]).value) == canonical(value)


@MANY
@given(CONTAINERS)
def test_a_decoded_value_is_written_back_exactly(value: Any) -> None:
    assert canonical(decode(encode(value))[0]) == canonical(value)


SAFE_STYLES = [
    style
    for name, (_, style) in output_corpus.STYLES.items()
    if not style.raw_quotes and not style.raw_backslashes and name != "loose numbers"
]


@MANY
@given(SIMPLE, st.data())
def test_every_style_of_every_value_is_read_or_refused(value: Any, data: st.DataObject) -> None:
    style = data.draw(st.sampled_from(SAFE_STYLES))
    assume(not style.bare_keys or all(re.fullmatch(r"[a-z]\w*", key) for key in keys(value)))
    style = replace(style, indent=data.draw(st.sampled_from([style.indent, "  "])))
    text = output_corpus.written(value, style, random.Random(data.draw(st.integers())))
    try:
        found = extract_json(text)
    except ExtractError:
        # Without its commas, an array of numbers on one line could be one number.
        assert not style.comma
        return
    assert canonical(found.value) == canonical(value)


def keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
    for inner in value.values() if isinstance(value, dict) else value:
        if isinstance(inner, dict | list):
            yield from keys(inner)


def structure(text: str) -> list[int]:
    """Where quotes, brackets, commas and colons stand outside strings."""
    found: list[int] = []
    inside = False
    for pos, char in enumerate(text):
        if char == '"':
            inside = not inside
            found.append(pos)
        elif not inside and char in ",:{}[]":
            found.append(pos)
    return found


@settings(MANY, max_examples=500)
@given(SIMPLE, st.data())
def test_one_wrong_sign_never_changes_the_meaning(value: Any, data: st.DataObject) -> None:
    """A quote, bracket, comma or colon too few, too many, or in place of another. The opening
    bracket is left alone: one that is added is what the text then says."""
    text = json.dumps(value, ensure_ascii=False, indent=data.draw(st.sampled_from([None, 2])))
    pos = data.draw(st.sampled_from(structure(text)))
    sign = data.draw(st.sampled_from(["", *',:{}[]"']))
    taken = data.draw(st.sampled_from([0, 1]))
    damaged = text[:pos] + sign + text[pos + taken :]
    try:
        json.loads(damaged)
    except ValueError:
        pass
    else:
        return  # valid JSON says what it says
    try:
        found = extract_json(damaged)
    except ExtractError:
        return
    if found.truncated:
        assert begins(found.value, value), (damaged, text, found)
    else:
        assert canonical(found.value) == canonical(value), (damaged, text, found)


def begins(part: Any, value: Any) -> bool:
    """Whether ``part`` is what was complete when ``value`` was written so far."""
    if canonical(part) == canonical(value):
        return True
    if isinstance(part, dict) and isinstance(value, dict):
        if [*part] != [*value][: len(part)]:
            return False
        part, value = [*part.values()], [*value.values()]
    if not (isinstance(part, list) and isinstance(value, list)) or len(part) > len(value):
        return False
    whole = canonical(part[:-1]) == canonical(value[: max(0, len(part) - 1)])
    return not part or (whole and begins(part[-1], value[len(part) - 1]))


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


@settings(MANY, max_examples=500)
@given(SIMPLE, st.data())
def test_whatever_is_done_to_a_text_each_of_its_words_is_kept_in_order(
    value: Any, data: st.DataObject
) -> None:
    text = json.dumps(value, ensure_ascii=False)
    for _ in range(data.draw(st.integers(1, 4))):
        pos = data.draw(st.integers(0, len(text)))
        sign = data.draw(st.sampled_from(["", *",:{}[]\"'x1 “("]))
        text = text[:pos] + sign + text[pos + data.draw(st.integers(0, 3)) :]
    try:
        found = extract_json(text)
    except ExtractError:
        return
    assume(not re.search("a key given twice|numbers written", str(found.repairs)))
    kept, said = words(found.json), words(found.raw)
    assert kept == (said[: len(kept)] if found.truncated else said), (text, found)


@MANY
@given(SIMPLE, st.data())
def test_of_a_cut_text_what_is_complete_can_be_had(value: Any, data: st.DataObject) -> None:
    writer = output_corpus.Writer(output_corpus.Style(), random.Random(0))
    node = writer.write(value)
    text = "".join(writer.out)
    cut = data.draw(st.integers(1, len(text) - 1))
    left = output_corpus.partial(node, cut)
    for allowed in (False, None, True):
        try:
            found = extract_json(text[:cut], allow_truncated=allowed)
        except ExtractError:
            assert not allowed or left is ...
        else:
            assert allowed is not False
            assert found.truncated
            assert canonical(found.value) == canonical(left)
