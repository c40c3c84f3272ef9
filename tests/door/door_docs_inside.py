"""Run inside each SDK's environment: what the pages show of it."""

# pyright: reportMissingImports=false
from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from sdk_speakers import installed

from doc_blocks import ROOT, Page, read_blocks

SDK = installed()


@pytest.fixture
def world(docs_world: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The addresses that the SDKs look for, beside those of the other pages."""
    origin = os.environ["ANTHROPIC_BASE_URL"]
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", origin)
    monkeypatch.delenv("GOOGLE_API_KEY")
    if SDK.package == "mistralai":
        from mistralai.client import sdkconfiguration

        monkeypatch.setitem(sdkconfiguration.SERVERS, sdkconfiguration.SERVER_GLOBAL, origin)
    return docs_world


def test_its_section_runs(world: Path) -> None:
    text = (ROOT / "docs/sdks.md").read_text()
    found = re.search(rf"^## {SDK.package}\n.*?(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found is not None
    page = world / "sdks.md"
    page.write_text("\n" * text.count("\n", 0, found.start()) + found[0])
    assert Page(world).run(page) == len(list(read_blocks(page))) >= 1


@pytest.mark.skipif(SDK.package != "google-genai", reason="the page is about another SDK")
def test_the_way_here_from_the_retired_package_runs(world: Path) -> None:
    page = ROOT / "docs/moving-from-google-generativeai.md"
    assert Page(world).run(page) == len(list(read_blocks(page)))
