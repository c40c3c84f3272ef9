"""What models send and what is made of it, over both corpora."""

from pathlib import Path
from typing import Any

import output_corpus
import pytest

from seawall.errors import ExtractError
from seawall.output import extract_json
from seawall.output.decode import canonical, decode

CORPUS = Path(__file__).parent / "corpus"


def cases(name: str) -> list[dict[str, Any]]:
    lines = (CORPUS / name).read_text(encoding="utf-8").splitlines()
    return [decode(line)[0] for line in lines]


CASES = [*cases("handwritten.jsonl"), *cases("generated.jsonl")]


def meant(case: dict[str, Any]) -> Any:
    return case["value"] if "value" in case else case["partial"]


def outcome(case: dict[str, Any], **options: Any) -> tuple[str, tuple[str, ...]]:
    """The value in canonical words, and the repairs; ``refused`` and why."""
    try:
        found = extract_json(case["reply"], schema=case.get("schema"), **options)
    except ExtractError as error:
        in_place = 0 <= error.position <= len(case["reply"])
        told = in_place and error.problem and error.remedy
        return "refused", (error.reason if told else "nothing told",)
    return canonical(found.value), found.repairs


def test_the_corpus_is_as_large_as_promised() -> None:
    assert len(CASES) >= 500
    assert len(cases("handwritten.jsonl")) >= 120
    assert len({case["reply"] for case in CASES}) > 0.95 * len(CASES)


def test_the_generated_corpus_is_what_its_generator_writes() -> None:
    assert (CORPUS / "generated.jsonl").read_text(encoding="utf-8") == output_corpus.lines()


def test_at_least_98_of_100_recoverable_replies_are_recovered() -> None:
    recoverable = [case for case in CASES if "refuse" not in case]
    missed = [case for case in recoverable if outcome(case)[0] != canonical(meant(case))]
    assert len(missed) <= 0.02 * len(recoverable), [case["reply"] for case in missed]


def test_no_reply_changes_its_meaning() -> None:
    for case in CASES:
        value, repairs = outcome(case)
        if value == "refused":
            continue
        assert "refuse" not in case, case
        assert value == canonical(meant(case)), case
        assert repairs or case["reply"].strip() == extract_json(case["reply"]).json, case


def test_a_reply_that_was_cut_says_so_and_is_refused_where_a_whole_one_is_wanted() -> None:
    for case in CASES:
        if "partial" in case:
            found = extract_json(case["reply"])
            assert found.truncated
            assert any("the end is missing" in repair for repair in found.repairs)
            assert outcome(case, allow_truncated=True)[0] == canonical(case["partial"])
            assert outcome(case, allow_truncated=False) == ("refused", ("truncated",)), case


def test_several_answers_are_told_and_refused_where_one_is_wanted() -> None:
    kinds = ("several", "two answers", "two fences")
    several = [case for case in CASES if case["kind"] in kinds and "schema" not in case]
    assert len(several) >= 15
    for case in several:
        if "value" in case and isinstance(case["value"], list):
            assert any("given as a list" in repair for repair in outcome(case)[1]), case
            assert outcome(case, prefer="only") == ("refused", ("ambiguous",)), case


@pytest.mark.parametrize(
    "case", [case for case in CASES if "refuse" in case], ids=lambda c: c["kind"]
)
def test_what_has_no_single_reading_is_refused(case: dict[str, Any]) -> None:
    value, (reason,) = outcome(case)
    assert value == "refused"
    assert reason in ("absent", "truncated", "unreadable", "ambiguous")
