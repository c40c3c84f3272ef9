"""The door's tests under each SDK, on the HTTP library that SDK rides on."""

from __future__ import annotations

import pytest

from environments import NAMES, ROOT, environment, prepare


@pytest.fixture(scope="module", autouse=True)
def _prepared() -> None:  # pyright: ignore[reportUnusedFunction] - pytest finds it by its mark
    prepare()


@pytest.mark.parametrize("name", NAMES)
def test_the_door_under(name: str) -> None:
    printed = environment(name).run_tests(ROOT / "tests/door/test_door_openai.py")
    assert " passed" in printed
    assert "failed" not in printed
