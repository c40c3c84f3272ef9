"""The door's tests under each SDK, on the HTTP library that SDK rides on."""

from __future__ import annotations

import pytest

from environments import NAMES, ROOT, environment, prepare


@pytest.fixture(scope="module", autouse=True)
def _prepared() -> None:  # pyright: ignore[reportUnusedFunction] - pytest finds it by its mark
    prepare()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("file", ["test_door_openai.py", "test_door_responses.py"])
def test_the_door_under(name: str, file: str) -> None:
    if (name, file) == ("openai-1.30", "test_door_responses.py"):
        pytest.skip("openai 1.30 has no responses")
    printed = environment(name).run_tests(ROOT / "tests/door" / file)
    assert " passed" in printed
    assert "failed" not in printed
