"""Each integration under the library it is for, in an environment of that library's own."""

from __future__ import annotations

import re

import pytest

from environments import LOCKS, ROOT, environment

FILES = {
    "langchain-1": ["langchain_inside.py", "langchain_standard_inside.py"],
    "llm-0": ["llm_inside.py"],
    "pydantic-ai-2": ["pydantic_ai_inside.py"],
}


@pytest.mark.parametrize("name", FILES)
def test_it_works_under(name: str) -> None:
    files = [ROOT / "tests/integrations" / file for file in (*FILES[name], "docs_inside.py")]
    printed = environment(name).run_tests(*files)
    assert " passed" in printed
    assert "failed" not in printed


@pytest.mark.parametrize("name", FILES)
def test_its_lock_names_no_host_and_hashes_everything(name: str) -> None:
    text = (LOCKS / f"{name}.txt").read_text()
    assert "://" not in text
    pins = re.split(r"^(?=\w)", text, flags=re.MULTILINE)[1:]
    assert len(pins) > 20
    assert [pin.split()[0] for pin in pins if "--hash=sha256:" not in pin] == []
