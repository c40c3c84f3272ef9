"""The official google-genai package and our codec understand each other."""

from __future__ import annotations

from environments import LOCKS, ROOT, environment


def test_its_types_and_its_client() -> None:
    file = ROOT / "tests/dialects/gemini_sdk_inside.py"
    printed = environment("google-genai-3").run_tests(file)
    assert " passed" in printed
    assert "failed" not in printed


def test_its_lock_names_no_host_and_hashes_everything() -> None:
    text = (LOCKS / "google-genai-3.txt").read_text()
    assert "://" not in text
    assert text.count("==") <= text.count("--hash=sha256:")
    assert "\ngoogle-genai==3." in text
