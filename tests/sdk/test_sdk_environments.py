"""Each environment holds the SDK it claims, which works there as it is, and Seawall beside it."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from doc_provider import provider
from environments import LOCKS, NAMES, ROOT, environment, prepare


@pytest.fixture(scope="module", autouse=True)
def _prepared() -> None:  # pyright: ignore[reportUnusedFunction] - pytest finds it by its mark
    prepare()


def test_there_is_one_for_each_age() -> None:
    assert NAMES == ("openai-1", "openai-1.30", "openai-2", "openai-3")


@pytest.mark.parametrize("name", NAMES)
def test_the_bare_sdk_asks_and_seawall_can_be_imported(name: str) -> None:
    with provider() as url:
        script = Path(__file__).with_name("sdk_ask.py")
        said = json.loads(environment(name).run("-W", "error", script, url))
    assert said["version"].startswith(name.removeprefix("openai-") + ".")
    assert said["texts"] == ["Trieste"] * 3
    assert said["seawall"] == str(ROOT / "src/seawall/__init__.py")
    assert said["client"] == "AsyncSeawall"


@pytest.mark.parametrize("name", NAMES)
def test_the_lock_names_no_host_and_hashes_everything(name: str) -> None:
    text = (LOCKS / f"{name}.txt").read_text()
    assert "://" not in text
    assert "--index" not in text
    pins = re.findall(r"^[\w.-]+==.*\n.*$", text, re.MULTILINE)
    assert len(pins) > 20
    assert all("--hash=sha256:" in pin for pin in pins)


def test_test_files_run_in_it(tmp_path: Path) -> None:
    file = tmp_path / "test_inside.py"
    file.write_text("import openai\n\nasync def test_age():\n    assert openai.VERSION < '2'\n")
    assert "1 passed" in environment("openai-1").run_tests(file)


def test_what_fails_inside_is_told_with_its_output() -> None:
    with pytest.raises(AssertionError, match=r"openai-1: -c .* exited 3:\nsaid"):
        environment("openai-1").run("-c", "import sys; print('said'); sys.exit(3)")
    with pytest.raises(AssertionError, match=r"still ran after 0.5 s"):
        environment("openai-1").run("-c", "import time; time.sleep(60)", seconds=0.5)


def _lock(directory: Path, *, spoilt: bool = False) -> None:
    """A lock of one small package, with its true hashes or with a wrong one."""
    dev = (ROOT / "requirements/dev.txt").read_text()
    found = re.search(r"^iniconfig==.*\n(?:    --hash.*\n)+", dev, re.MULTILINE)
    assert found is not None
    pin = found[0]
    if spoilt:
        pin = re.sub(r"sha256:\w+", "sha256:" + "0" * 64, pin)
    (directory / "small.txt").write_text(pin)


def test_several_that_want_the_same_one_make_it_once(tmp_path: Path) -> None:
    _lock(tmp_path)
    home = tmp_path / "home"
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: environment("small", locks=tmp_path, home=home), range(4)))
    assert len(set(made)) == 1
    assert made[0].run("-c", "import iniconfig; print('there')") == "there\n"
    marks = {path.stat().st_mtime_ns for path in home.rglob(".complete")}
    assert len(marks) == 1


def test_a_failed_installation_is_removed_and_tried_anew(tmp_path: Path) -> None:
    _lock(tmp_path, spoilt=True)
    home = tmp_path / "home"
    with pytest.raises(RuntimeError, match=r"(?i)hash"):
        environment("small", locks=tmp_path, home=home)
    assert [path.suffix for path in home.iterdir()] == [".lock"]
    _lock(tmp_path)
    assert environment("small", locks=tmp_path, home=home).python.exists()


def test_a_changed_lock_replaces_the_old_environment(tmp_path: Path) -> None:
    _lock(tmp_path)
    first = environment("small", locks=tmp_path, home=tmp_path / "home")
    lock = tmp_path / "small.txt"
    lock.write_text(f"# newer\n{lock.read_text()}")
    second = environment("small", locks=tmp_path, home=tmp_path / "home")
    assert second.path != first.path
    assert second.python.exists()
    assert not first.path.exists()
