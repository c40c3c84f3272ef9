"""Where a second text joins the first, as a table and for any text cut anywhere."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall.layers.splice import Continued, Diverged, Joint, Repeated


def joined(joint: Joint, pieces: Sequence[str]) -> str:
    """What ``joint`` gives out; it must have given it all by the end."""
    new = "".join(joint.feed(piece) for piece in pieces) + joint.end()
    assert joint.settled
    return new


CONTINUES = {
    "the rest": ("one two three", " four", " four"),
    "the rest of a word": ("the quick bro", "wn fox", "wn fox"),
    "a word after white space": ("one two ", "three", "three"),
    "a letter that doubles": ("x = 1", "1;", "1;"),
    "a short word that doubles": ("so it is ", "is it", "is it"),
    "an indentation after its line": ("def f():\n", "    return 1", "    return 1"),
    "a word that begins like the last one": ("the brown", "er fox", "er fox"),
    "a word that ends like the last one": ("a brown", "own goal", "own goal"),
    "what was said in the middle": ("the brown fox is", " the brown one", " the brown one"),
    "another sign": ("(a, b", "), (c, d)", "), (c, d)"),
    "after white space alone": ("\n", "Hello", "Hello"),
}


@pytest.mark.parametrize("name", CONTINUES)
def test_a_plain_continuation_is_passed_on(name: str) -> None:
    shown, sent, new = CONTINUES[name]
    assert joined(Continued(shown), [sent]) == new
    assert joined(Continued(shown), list(sent)) == new


LONG = "The harbour of Trieste lies in the north of the Adriatic"
DOUBTFUL = {
    "the whole text again": (LONG, LONG + " Sea."),
    "the whole text and no more": (LONG, LONG),
    "the whole text behind a space": (LONG, " " + LONG + " Sea."),
    "the whole text without its last space": (LONG + " ", LONG + "\nSea."),
    "a short text again": ("ha", "haha"),
    "the beginning in other words": (LONG, LONG[:20] + " is deep."),
    "the beginning, and an end": (LONG, LONG[:20]),
    "the last word again": ("the quick brown", "brown fox"),
    "the last word again behind a space": ("the quick brown", " brown fox"),
    "the last word again after a line": ("the quick brown\n", "brown fox"),
    "the last word and an end": ("the quick brown", "brown"),
    "the last sentence again": ("First. Then we go", "Then we go home."),
    "a row again": ("| 0 | 0 | 0 | 0 |\n", "| 0 | 0 | 0 | 0 |\n"),
    "the white space it ended in": ("one two ", " three"),
    "a part of that white space": ("one:\n\n", "\n1."),
    "white space for ever": ("one", " " * 5000),
    "nothing": (LONG, ""),
    "white space alone": (LONG, " \n"),
}


@pytest.mark.parametrize("name", DOUBTFUL)
def test_what_may_be_a_repetition_is_refused(name: str) -> None:
    shown, sent = DOUBTFUL[name]
    for pieces in ([sent], list(sent)):
        with pytest.raises(Diverged):
            joined(Continued(shown), pieces)


def test_a_repetition_is_refused_before_any_of_it_is_given_out() -> None:
    joint = Continued(LONG)
    assert "".join(joint.feed(letter) for letter in LONG) == ""
    with pytest.raises(Diverged, match="may repeat"):
        joint.feed(" Sea")


def test_only_what_could_be_a_repetition_is_held_back() -> None:
    joint = Continued("the harbour of Trieste")
    assert joint.feed(" of") == ""
    assert joint.feed(" Istria") == " of Istria"
    assert joint.feed(" of Istria") == " of Istria"


REPEATS = {
    "in one piece": (["one two three"], " three"),
    "piece by piece": (["one ", "two", " three"], " three"),
    "to the letter": (["one two"], ""),
}


@pytest.mark.parametrize("name", REPEATS)
def test_a_text_asked_anew_goes_on_where_the_first_ended(name: str) -> None:
    pieces, new = REPEATS[name]
    assert joined(Repeated("one two"), pieces) == new


@pytest.mark.parametrize(
    ("pieces", "why"),
    [
        (["one too"], "differs"),
        (["one ", "and two"], "differs"),
        (["two"], "differs"),
        (["one tw"], "ends after 6"),
        ([], "ends after 0"),
    ],
)
def test_a_text_asked_anew_that_is_another_is_refused(pieces: list[str], why: str) -> None:
    with pytest.raises(Diverged, match=why):
        joined(Repeated("one two"), pieces)


TEXTS = st.one_of(
    st.text(min_size=1, max_size=60),
    st.text("a \n", min_size=1, max_size=30),
    st.lists(st.sampled_from(["ha", "the ", " the", "\n", "0, ", "row 1\n"]), min_size=1).map(
        "".join
    ),
)


def cut(data: st.DataObject, text: str) -> list[str]:
    at = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=6)))
    return [text[a:b] for a, b in zip([0, *at], [*at, len(text)], strict=True)]


@given(st.data(), TEXTS)
def test_any_text_continued_exactly_is_whole_or_refused(data: st.DataObject, text: str) -> None:
    at = data.draw(st.integers(1, len(text)))
    with contextlib.suppress(Diverged):
        assert text[:at] + joined(Continued(text[:at]), cut(data, text[at:])) == text


@given(st.data(), TEXTS)
def test_any_text_repeated_whole_is_never_doubled(data: st.DataObject, text: str) -> None:
    at = data.draw(st.integers(1, len(text)))
    assert text[:at] + joined(Repeated(text[:at]), cut(data, text)) == text
    with pytest.raises(Diverged):
        joined(Continued(text[:at]), cut(data, text))


@given(st.data(), TEXTS, TEXTS)
def test_another_text_is_joined_only_where_it_agrees(
    data: st.DataObject, text: str, other: str
) -> None:
    at = data.draw(st.integers(1, len(text)))
    try:
        assert text[:at] + joined(Repeated(text[:at]), cut(data, other)) == other
    except Diverged:
        assert not other.startswith(text[:at])


@given(st.data(), TEXTS)
def test_the_pieces_make_no_difference(data: st.DataObject, text: str) -> None:
    at = data.draw(st.integers(1, len(text)))
    rest = data.draw(st.one_of(st.just(text[at:]), TEXTS))

    def outcome(pieces: list[str]) -> str | None:
        try:
            return joined(Continued(text[:at]), pieces)
        except Diverged:
            return None

    assert outcome(cut(data, rest)) == outcome([rest]) == outcome(list(rest))
