"""The official anthropic package and our codec understand each other."""

from __future__ import annotations

from environments import ROOT, environment


def test_its_types_and_its_client() -> None:
    file = ROOT / "tests/dialects/anthropic_sdk_inside.py"
    printed = environment("anthropic-2").run_tests(file)
    assert " passed" in printed
    assert "failed" not in printed
