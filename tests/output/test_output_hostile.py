"""Texts made to hang a reader, exhaust its stack or its memory."""

import contextlib
import json
import random
import time

import pytest

from seawall.errors import ExtractError
from seawall.output import extract_json
from seawall.output.decode import encode

ATOMS = [
    *("[", "{", '"', "'", "`", "“", "\\", "(", "```", "```json\n", "~~~"),
    *('{"', "{'", "[“", '{"a":', '{"a":"', '[{"a":', '{"a":{"b"', '{"a":[', "[[1]]"),
    *("[/*", "{/*", "[//", "[#", '{"k":"v" // c\n'),
    *("[1,", "[1 ", "[a]", "{a}", "[]", "{}", '{"a":1}', '{"a":1}\n', '{"a":1},', '[{"a":1}} '),
    *(
        '{"a":"b"c",',
        '{"a":"b" x',
        '"x" y ',
        '["a" "b",',
        '{"a": "q "w" ',
        '"a":"b" c,\n',
        '\\a["b"a]',
    ),
    *('{"a"=1,', '["x","y":', "{a: b ", '{\\"', '{\\"a\\":1,', "{ a]a", '{"a":[1,2},', '[{"a":1]'),
    *("<think>", "</think>", "\ufeff[", '["\\u12', ",}{1\\", '"b" a:'),
]
AROUND = [("", ""), ('{"k":', ""), ("", "}"), ('{"z": "q ', '"}'), ("[", '"]')]
SIZE = 50_000
#: Generous: the slowest takes a fifth of a second on a busy machine, and a reader whose time
#: grows with the square of the length takes minutes.
SECONDS = 10.0


def survive(text: str) -> None:
    before = time.process_time()
    with contextlib.suppress(ExtractError):
        encode(extract_json(text, allow_truncated=True).value)
    assert time.process_time() - before < SECONDS


@pytest.mark.parametrize("atom", ATOMS)
def test_repetition_takes_linear_time(atom: str) -> None:
    for before, after in AROUND:
        survive(before + atom * (SIZE // len(atom)) + after)


def test_random_repetition_takes_linear_time() -> None:
    r = random.Random(7)
    pieces = [*"[]{}\",:'`\\/*#\n a1", '{"a":', '"b"', '5" ', "“", "<think>", "```", "a:", "("]
    for _ in range(150):
        atom = "".join(r.choice(pieces) for _ in range(r.randint(1, 7)))
        survive(r.choice(["", '{"a":', "["]) + atom * (20_000 // len(atom)) + r.choice(["", '"}']))


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_deep_nesting_is_refused(opening: str) -> None:
    closing = "]" if opening == "[" else "}"
    for text in (
        opening * 5000 + "1" + closing * 5000,
        opening * 5000 + "1," + closing * 5000,
    ):
        with pytest.raises(ExtractError, match="nest"):
            extract_json(text)


def test_deep_nesting_within_a_string_is_left_a_string() -> None:
    inner = "[" * 5000 + "]" * 5000
    assert extract_json(json.dumps(inner)).value == inner


def test_a_depth_that_real_replies_have_is_read() -> None:
    text = "[" * 100 + "1" + "]" * 100
    assert extract_json(text).json == text
    assert extract_json(text[:51] + text[51:-1] + ",]").json == text


def test_a_large_damaged_reply_is_read() -> None:
    rows = [{"id": row, "name": f"item {row}", "price": row / 100} for row in range(20_000)]
    text = json.dumps(rows)[:-1] + ",]"
    assert extract_json(text).value == rows
