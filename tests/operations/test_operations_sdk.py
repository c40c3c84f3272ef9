"""The vendors' own packages ask for embeddings and models in the words in which we do."""

from __future__ import annotations

import pytest
from operations_sdk_inside import openai_asks_like_us

from environments import ROOT, environment

FILE = ROOT / "tests/operations/operations_sdk_inside.py"


def test_the_words_of_the_openai_package_are_ours() -> None:
    openai_asks_like_us()


@pytest.mark.parametrize(
    ("name", "vendor"),
    [("mistralai-3", "mistral"), ("google-genai-3", "google"), ("anthropic-2", "anthropic")],
)
def test_the_words_of_other_packages_are_ours(name: str, vendor: str) -> None:
    assert environment(name).run(FILE, vendor) == "yes\n"
