"""The package as a whole: what it installs, what importing it costs, what its files may say."""

from __future__ import annotations

import importlib
import pkgutil
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import seawall

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "src").rglob("*.py"))


def _dependencies(name: str) -> Iterator[str]:
    for line in metadata.requires(name) or ():
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield canonicalize_name(requirement.name)


def _core_install() -> set[str]:
    found: set[str] = set()
    waiting = ["seawall"]
    while waiting:
        new = set(_dependencies(waiting.pop())) - found
        found |= new
        waiting.extend(new)
    return found


def test_core_install_is_small_and_justified() -> None:
    page = (ROOT / "docs/dependencies.md").read_text()
    core = page.partition("## Core")[2].partition("\n## ")[0]
    justified = set(re.findall(r"^\| ([a-z][\w.-]+) \| \w", core, re.MULTILINE)) - {"package"}
    assert _core_install() == justified
    assert len(justified) <= 15


def test_extras_are_documented() -> None:
    page = (ROOT / "docs/dependencies.md").read_text()
    extras = metadata.metadata("seawall").get_all("Provides-Extra") or []
    assert sorted(re.findall(r"^\| `([\w-]+)` \|", page, re.MULTILINE)) == sorted(extras)


_CPU = """
import resource
def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
before = cpu()
{statement}
print(cpu() - before)
"""


def _run(code: str) -> str:
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=60)
    return done.stdout


@pytest.mark.parametrize(
    ("statement", "seconds"), [("import seawall", 0.150), ("from seawall import *", 0.400)]
)
def test_import_is_cheap(statement: str, seconds: float) -> None:
    # The least of several: another process may slow a run down, none can speed it up.
    best = min(float(_run(_CPU.format(statement=statement))) for _ in range(5))
    assert best < seconds


@cache
def _loaded_by(statement: str) -> frozenset[str]:
    names = _run(f"{statement}\nimport sys\nprint(*sys.modules)").split()
    return frozenset(name.partition(".")[0] for name in names)


SDKS = {"anthropic", "cohere", "google", "httpx", "httpx2", "mistralai", "openai"}
HEAVY = {"aiohttp", "click", "pydantic", "requests", "rich", "uvloop", "xllamacpp"}


def test_import_loads_no_more_than_it_needs() -> None:
    assert _loaded_by("import seawall") & {*SDKS, *HEAVY, "asyncio", "sqlite3", "ssl"} == set()
    assert _loaded_by("from seawall import *") & {*SDKS, *HEAVY} == set()
    assert _loaded_by("import openai") >= {"openai", "pydantic"}, "the check itself sees nothing"


def test_public_names_are_sorted_and_exist() -> None:
    assert seawall.__all__ == sorted(set(seawall.__all__))
    assert [name for name in seawall.__all__ if not hasattr(seawall, name)] == []
    assert {*seawall.__all__} <= {*dir(seawall)}


def test_every_module_says_what_is_public() -> None:
    unnamed: list[str] = []
    for found in pkgutil.walk_packages(seawall.__path__, "seawall."):
        if found.name.endswith(".__main__"):
            continue
        try:
            module = importlib.import_module(found.name)
        except ModuleNotFoundError as missing:
            # Its library is an extra; with it, it is tried in tests/sdk.
            if 'pip install "seawall[' not in str(missing):
                unnamed.append(f"{found.name}: {missing}")
            continue
        public = {
            name
            for name, value in vars(module).items()
            if not name.startswith("_") and getattr(value, "__module__", None) == found.name
        }
        names = getattr(module, "__all__", [])
        assert [name for name in names if not hasattr(module, name)] == [], found.name
        assert not public or names, f"{found.name} has no __all__"
    assert unnamed == []


def test_no_module_is_long() -> None:
    lengths = {path.name: len(path.read_text().splitlines()) for path in SOURCES}
    assert {name: lines for name, lines in lengths.items() if lines > 400} == {}


def test_versions_agree() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest is not None
    assert {version, newest[1], seawall.__version__} == {metadata.version("seawall")}


def _pins(name: str) -> dict[str, str]:
    text = (ROOT / f"requirements/{name}.txt").read_text()
    return dict(re.findall(r"^([\w.-]+)==([^ ]+)", text, re.MULTILINE))


def test_demo_pins_are_part_of_dev_pins() -> None:
    assert _pins("demo").items() <= _pins("dev").items()
    assert set(_pins("demo")) >= _core_install()


def test_every_pin_is_hashed_and_none_names_a_host() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        text = path.read_text()
        pins = re.split(r"^(?=\w)", text, flags=re.MULTILINE)[1:]
        assert [pin.split()[0] for pin in pins if "--hash=sha256:" not in pin] == []
        assert re.findall(r"^ *--(?!hash).*|\S*://\S*", text, re.MULTILINE) == []


#: Package registries' hosts and download paths, and directories of one person's machine.
LEAKS = re.compile(
    r"pypi\.org|pythonhosted\.org|npmjs\.org|deb\.debian\.org"
    r"|https?://[^\s/]+/(?:simple|packages)/"
    r"|(?<![\w.])/(?:home|Users|root|work)/\w",
)


def _tracked() -> list[Path]:
    command = ["git", "ls-files", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def test_no_file_names_a_registry_or_somebodys_machine() -> None:
    leaks = [
        f"{path.relative_to(ROOT)}: {leak[0]}"
        for path in _tracked()
        for leak in LEAKS.finditer(path.read_text(errors="ignore"))
    ]
    assert leaks == []
