"""The judge of the repair library: it passes what the text says, and nothing else."""

import json
from typing import Any

import json_repair
import pytest

from seawall.output.faithful import Unfaithful, spell
from seawall.output.repair import MAX_LENGTH, mend
from seawall.output.scan import find


@pytest.mark.parametrize(
    ("text", "value", "note"),
    [
        ('{"a" "x", "b": [1,]}', {"a": "x", "b": [1]}, "missing colons added"),
        ('{"a": toys, "b": mid}', {"a": "toys", "b": "mid"}, "quotes put round bare words"),
        ('{a": 1}', {"a": 1}, "quotes put round keys"),
        ('{"a": [1, 2}', {"a": [1, 2]}, "a missing bracket added"),
        ('["x", "y"}', ["x", "y"], "a wrong bracket removed"),
        ("{'a': None}", {"a": None}, "Python literals made JSON"),
    ],
)
def test_a_faithful_proposal_passes_and_is_noted(text: str, value: Any, note: str) -> None:
    spelled, notes, end = spell(text, 0, value)
    assert json.loads(spelled) == value
    assert note in notes
    assert end == len(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1, "b": 2}', {"a": 1}),
        ('{"a": 1}', {"a": 1, "b": 2}),
        ('{"a": 1}', {"a": 2}),
        ('{"a": 1}', {"a": "1 "}),
        ('{"a": "x"}', {"a": "X"}),
        ('{"a": "x "}', {"a": "x"}),
        ('{"a": 12kg}', {"a": "12kg"}),
        ('{"a": 1,234}', {"a": "1,234"}),
        ('{"a": yes}', {"a": "yes"}),
        ('{"a": [1, 2], "b": 3}', {"a": [1, 2, {"b": 3}]}),
        ('["a" "b"]', ["a", "b"]),
        ('["a" "b"]', ['a" "b']),
        ("[[1, 2}", [[1, 2]]),
        ('{"a": ["x"}', {"a": ["x"]}),
        ('[[{"a": []], []]]', [[{"a": []}], []]),
        ('{"a": 1} tail', {"a": 1}),
        ('{"a": 1} x', {"a": 1}),
        ('{"a": 1} ]', {"a": 1}),
        ('{"a": "x', {"a": "x"}),
        ('{"a" => 1, "b" => 2}', {'a" => 1, "b': 2}),
        ("[1, 2]", {"1": 2}),
    ],
)
def test_an_unfaithful_proposal_is_refused_with_a_position(text: str, value: Any) -> None:
    with pytest.raises(Unfaithful) as caught:
        spell(text, 0, value)
    assert 0 <= caught.value.position <= len(text)


@pytest.mark.parametrize(
    "text",
    [
        '{"items": [{"id": 1}, ...], "total": 50}',
        '{"price": 1,299, "n": 2}',
        '{"title": The Big Day, "n": 1}',
        '{"msg": "part one " "part two"}',
        '{"a": 1, "b": }',
        '{"a": 1, b}',
    ],
)
def test_what_the_repair_library_guesses_is_not_taken(text: str) -> None:
    assert json_repair.loads(text) is not None
    assert [one.usable for one in find(text, 0)] == [False]


def test_the_repair_library_sees_short_pieces_with_little_damage_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[str] = []

    def loads(text: str, **options: Any) -> Any:
        seen.append(text)
        raise ValueError(text)

    monkeypatch.setattr(json_repair, "loads", loads)
    find('{"a": [1, 2}', 0)
    assert seen == ['{"a": [1, 2}']
    find('{"a": [1, 2, "' + "x" * MAX_LENGTH + '"}', 0)
    find('{"a": [1}, {"b": [2}, {"c": [3}, {"d": [4}' * 9, 0)
    assert len(seen) == 1


def test_whatever_the_repair_library_raises_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    def loads(text: str, **options: Any) -> Any:
        raise RecursionError(text)

    monkeypatch.setattr(json_repair, "loads", loads)
    (candidate,) = find('{"a": [1, 2}', 0)
    assert not candidate.usable
    assert "RecursionError" in mend('{"a": [1, 2}', candidate.reading).problem
