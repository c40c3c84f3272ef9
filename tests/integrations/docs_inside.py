"""Run inside each environment: the section of the page on integrations that is about it."""

# pyright: reportMissingImports=false
from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from integrations_world import provider

from doc_blocks import ROOT, Page, read_blocks

PAGE = ROOT / "docs/integrations.md"
SECTIONS = {"LangChain": "langchain", "pydantic-ai": "pydantic_ai", "llm": "llm"}
HERE = next(title for title, package in SECTIONS.items() if find_spec(package))


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEAWALL_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-documentation")
    monkeypatch.setenv("LLM_USER_PATH", str(tmp_path / "llm"))
    with provider() as serving:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{serving.url}/v1")
        yield tmp_path


def test_its_section_runs(world: Path) -> None:
    if HERE == "llm":
        _register()
    page = world / "integrations.md"
    page.write_text(_section(PAGE.read_text(), HERE))
    assert Page(world).run(page) == len(list(read_blocks(page))) >= 3


def _section(text: str, title: str) -> str:
    """The section, as far down as it stands on the page."""
    found = re.search(rf"^## {title}\n.*?(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found is not None
    return "\n" * text.count("\n", 0, found.start()) + found[0]


def _register() -> None:
    """What llm does with an entry point; tried as one in ``llm_inside``."""
    from llm.plugins import pm

    import seawall.integrations.llm

    if not pm.is_registered(seawall.integrations.llm):
        pm.register(sys.modules["seawall.integrations.llm"], "seawall")
