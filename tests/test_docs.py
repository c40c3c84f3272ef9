"""Every code block of the documentation runs, every link leads somewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from doc_blocks import ROOT, DocError, Page, read_blocks, read_links
from seawall import ConfigError

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
#: What runs where its libraries are, in tests/sdk.
ELSEWHERE = {
    ROOT / "docs" / page
    for page in ("integrations.md", "moving-from-google-generativeai.md", "sdks.md")
}
each_page = pytest.mark.parametrize("path", PAGES, ids=[str(p.relative_to(ROOT)) for p in PAGES])


@each_page
def test_page_runs(path: Path, docs_world: Path) -> None:
    if path in ELSEWHERE:
        return
    assert Page(docs_world).run(path) == len(list(read_blocks(path)))


@each_page
def test_links_lead_somewhere(path: Path) -> None:
    lost = [link for link in read_links(path) if not (path.parent / link).exists()]
    assert lost == []


def test_the_readme_leads_to_every_page() -> None:
    reached: set[Path] = set()
    ahead = [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        if page not in reached and page.suffix == ".md":
            reached.add(page)
            ahead += [(page.parent / link).resolve() for link in read_links(page)]
    assert set(PAGES) <= reached


@pytest.fixture
def run(docs_world: Path) -> Callable[[str], int]:
    def run(text: str) -> int:
        path = docs_world / "page.md"
        path.write_text(text)
        return Page(docs_world).run(path)

    return run


def test_blocks_share_a_namespace_a_loop_and_a_directory(run: Callable[[str], int]) -> None:
    page = """
```python
import asyncio
from dataclasses import dataclass

@dataclass
class Wave:
    height: int

first = await asyncio.sleep(0, asyncio.get_running_loop())
```

- in a list

  ```python
  assert await asyncio.sleep(0, asyncio.get_running_loop()) is first
  print(Wave(3), "metres")
  ```

  ```text
  Wave(height=3)   ...
  ```

```toml
# sea.toml
model = "wall/high"
```

```dotenv
# .env
SEA_LEVEL="1"
```

```bash
export SEA=calm
```

```console
$ python -c "import os; print(os.environ['SEA'], open('sea.toml').read(), \\
end=' and ')"
calm # sea.toml
model = "..." and
```
"""
    assert run(page) == 7


def test_a_traceback_names_the_line_of_the_page(run: Callable[[str], int]) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        run("# Title\n\n```python\none = 1\none / 0\n```\n")
    last = caught.traceback[-1]
    assert (Path(last.path).name, last.lineno + 1) == ("page.md", 5)
    assert caught.value.__notes__ == ["in page.md:3 (python)"]


@pytest.mark.parametrize(
    ("language", "text", "complaint"),
    [
        ("", "anything", "cannot be run"),
        ("rust", "fn main() {}", "cannot be run"),
        ("text", "an orphan", "nothing did"),
        ("bash", "make nosuchtarget", "no such make target: nosuchtarget"),
        ("bash", 'pip install "seawall[nosuch]"', "no such extra: nosuch"),
        ("bash", "pip install -e '.[nosuch]'", "no such extra: nosuch"),
        ("bash", "python -m pip install nosuchpackage", "no such package: nosuchpackage"),
        ("bash", "sudo apt install emacs", "no such prerequisite: emacs"),
        ("bash", "rm -r everything", "a page may use"),
        ("bash", "python -c 'import sys; sys.exit(3)'", "exited with 3"),
        ("console", "python -V", "begins with a command"),
        ("console", "$ python -c 'print(4)'\n5", "but this was printed"),
        ("dotenv", "NAME", "not every line"),
    ],
)
def test_what_does_not_hold_is_refused(
    run: Callable[[str], int], language: str, text: str, complaint: str
) -> None:
    with pytest.raises(DocError, match=complaint):
        run(f"```{language}\n{text}\n```\n")


@pytest.mark.parametrize(("language", "text"), [("toml", "a = "), ("json", "{'a': 1}")])
def test_data_must_parse(run: Callable[[str], int], language: str, text: str) -> None:
    with pytest.raises(ValueError, match=r"(?i)invalid|expecting"):
        run(f"```{language}\n{text}\n```\n")


def test_an_indented_block_is_refused(run: Callable[[str], int]) -> None:
    with pytest.raises(DocError, match="no language"):
        run("Text\n\n    print(1)\n")


def test_configuration_is_loaded_and_other_toml_is_not(run: Callable[[str], int]) -> None:
    page = "```toml\n[models.smart]\nrout = []\n```\n"
    with pytest.raises(ConfigError, match="Did you mean 'route'"):
        run(page)
    assert run(page.replace("rout ", "route ")) == 1
    assert run(page.replace("models.smart", "tool.ruff")) == 1
