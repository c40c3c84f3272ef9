"""The door under each official SDK and each age of it, on the HTTP library that it rides on."""

from __future__ import annotations

import pytest

from environments import LOCKS, ROOT, environment, prepare

#: The environments, and what is each SDK's own.
FILES = {
    "anthropic-0.25": "door_anthropic_inside.py",
    "anthropic-0": "door_anthropic_inside.py",
    "anthropic-2": "door_anthropic_inside.py",
    "cohere-7": "door_cohere_inside.py",
    "google-genai-3": "door_google_inside.py",
    "mistralai-3": "door_mistral_inside.py",
}


@pytest.fixture(scope="module", autouse=True)
def _prepared() -> None:  # pyright: ignore[reportUnusedFunction] - pytest finds it by its mark
    prepare(tuple(FILES))


@pytest.mark.parametrize("name", FILES)
def test_the_door_under(name: str) -> None:
    door = ROOT / "tests/door"
    files = ["door_sdks_inside.py", "door_docs_inside.py", FILES[name]]
    printed = environment(name).run_tests(*(door / file for file in files))
    assert " passed" in printed
    assert "failed" not in printed


def test_google_beside_aiohttp() -> None:
    printed = environment("cloud-sdks").run_tests(ROOT / "tests/door/door_aiohttp_inside.py")
    assert "1 passed" in printed


@pytest.mark.parametrize("name", FILES)
def test_its_lock_names_no_host_and_hashes_everything(name: str) -> None:
    text = (LOCKS / f"{name}.txt").read_text()
    assert "://" not in text
    assert text.count("==") <= text.count("--hash=sha256:")
    package, _, version = name.rpartition("-")
    assert f"\n{package}=={version}." in text
