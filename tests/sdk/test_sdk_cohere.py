"""The official cohere package and our codec understand each other."""

from __future__ import annotations

from environments import LOCKS, ROOT, environment


def test_its_types_and_its_client() -> None:
    file = ROOT / "tests/dialects/cohere_sdk_inside.py"
    printed = environment("cohere-7").run_tests(file)
    assert " passed" in printed
    assert "failed" not in printed


def test_its_lock_names_no_host_and_hashes_everything() -> None:
    text = (LOCKS / "cohere-7.txt").read_text()
    assert "://" not in text
    assert text.count("==") <= text.count("--hash=sha256:")
    assert "\ncohere==7." in text
