from __future__ import annotations

import os
import re
import resource
import sys
from contextlib import closing
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

import pytest

from seawall.cli.doctor import machine, records, versions
from seawall.client.settings import LedgerSettings
from seawall.sinks.database import connect
from seawall.sinks.paths import journal_dir, ledger_path

NOW = datetime(2026, 12, 1, tzinfo=UTC).timestamp()


def test_versions_are_those_of_what_runs() -> None:
    found = {finding.title: finding for finding in versions.check()}
    assert found["Python"].detail.startswith(".".join(map(str, sys.version_info[:3])))
    assert found["Seawall"].level == "ok"
    assert "provider SDKs" in found
    assert {finding.level for finding in found.values()} <= {"ok", "info"}


def test_installed_packages_and_extras_are_listed() -> None:
    pytest.importorskip("seawall", reason="needs an installed seawall")
    found = {finding.title: finding for finding in versions.check()}
    assert "msgspec 0." in found["Seawall"].detail
    extra = found["extra proxy"]
    assert extra.level == ("ok" if find_spec("aiohttp") else "info")
    assert "extra all" not in found


def test_a_ledger_that_is_not_there_yet_is_not_made(tmp_path: Path) -> None:
    directory = tmp_path / "deep" / "down"
    found, disk = records.check(LedgerSettings(dir=str(directory)), {})
    assert (found.level, found.detail) == ("ok", f"{directory} will be made by the first call")
    assert disk.title == "disk"
    assert not directory.parent.exists()


def test_a_ledger_shows_its_size_and_what_waits(tmp_path: Path) -> None:
    with closing(connect(ledger_path(tmp_path))) as db:
        db.execute("PRAGMA journal_mode = DELETE")
        db.execute("CREATE TABLE ballast (bytes)")
        db.execute("INSERT INTO ballast VALUES (zeroblob(3000000))")
    journal_dir(tmp_path).mkdir()
    (journal_dir(tmp_path) / "a.000001.v1.journal").write_bytes(b"x" * 2048)
    found, _ = records.check(LedgerSettings(), {"SEAWALL_DIR": str(tmp_path)})
    assert found.level == "ok"
    assert re.fullmatch(rf"(2\.9|3)\d* MiB in {tmp_path}, and 2 KiB in journals", found.detail)
    assert sorted(os.listdir(tmp_path)) == ["journal", "ledger.db"]


@pytest.mark.parametrize("content", [b"x" * 5000, b"SQLite format 3\0" + b"\1" * 5000])
def test_a_ledger_that_cannot_be_read_fails(content: bytes, tmp_path: Path) -> None:
    ledger_path(tmp_path).write_bytes(content)
    found, _ = records.check(LedgerSettings(dir=str(tmp_path)), {})
    assert found.level == "fail"
    assert f"{ledger_path(tmp_path)} cannot be read" in found.detail
    assert "Move it away" in found.remedy
    assert os.listdir(tmp_path) == ["ledger.db"]


def test_a_home_that_is_not_there_is_told() -> None:
    (found,) = records.check(LedgerSettings(dir="~nobody-by-this-name/x"), {})
    assert found.level == "fail"
    assert "no such home" in found.detail
    assert "SEAWALL_DIR" in found.detail


@pytest.mark.parametrize("beyond", ["", "further"])
def test_a_ledger_that_cannot_be_made_fails(tmp_path: Path, beyond: str) -> None:
    (tmp_path / "file").write_text("")
    found, _ = records.check(LedgerSettings(dir=str(tmp_path / "file" / beyond)), {})
    assert found.level == "fail"
    assert "cannot be written" in found.detail
    assert "ledger.dir" in found.remedy


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_ledger_without_permission_fails(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    for directory in (tmp_path, tmp_path / "in it"):
        assert records.check(LedgerSettings(dir=str(directory)), {})[0].level == "fail"


def test_a_ledger_that_is_switched_off_is_not_looked_at() -> None:
    [found] = records.check(LedgerSettings(enabled=False, dir="/nowhere"), {})
    assert found.level == "info"


def test_less_than_a_gibibyte_is_little() -> None:
    little, enough = records.space((1 << 30) - 1), records.space(1 << 30)
    assert (little.level, enough.level) == ("warn", "ok")
    assert little.remedy
    assert "1 GiB" in enough.detail


@pytest.mark.parametrize(
    ("skews", "level", "says"),
    [
        ([], "ok", "compared with no server"),
        ([0.4, -0.6, 1.0], "ok", "3 asked"),
        ([29.0], "ok", "1 asked"),
        ([45.0, 46.0, -9000.0], "warn", "45 s behind the servers'"),
        ([-310.0], "fail", "310 s ahead of the servers'"),
    ],
)
def test_the_clock_is_judged_by_the_servers(skews: list[float], level: str, says: str) -> None:
    found = machine.clock(NOW, skews)
    assert found.level == level
    assert says in found.detail
    assert bool(found.remedy) == (level != "ok")


@pytest.mark.parametrize("year", [1970, 2025, 2107])
def test_a_clock_in_another_time_fails(year: int) -> None:
    found = machine.clock(datetime(year, 6, 1, tzinfo=UTC).timestamp(), [0.0])
    assert found.level == "fail"
    assert str(year) in found.detail


def test_this_machine_trusts_somebody() -> None:
    assert machine.trust(os.environ).level == "ok"


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_a_missing_store_fails(name: str) -> None:
    found = machine.trust({name: "/nowhere/ca.pem"})
    assert (found.level, found.detail) == ("fail", f"{name}: /nowhere/ca.pem does not exist")
    assert name in found.remedy


def test_an_empty_store_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty.pem").write_text("")
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "empty.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "empty"))
    found = machine.trust(os.environ)
    assert (found.level, found.title) == ("fail", "CA store")
    assert found.remedy


def test_a_proxy_is_shown_without_its_password() -> None:
    environ = {"HTTPS_PROXY": "http://me:hunter2@proxy.local:3128", "NO_PROXY": "localhost"}
    [found] = machine.proxies(environ)
    assert found.detail.startswith("HTTPS_PROXY (proxy.local), but not for localhost")
    assert found.level == ("ok" if find_spec("aiohttp") else "warn")
    assert "hunter2" not in repr(found)
    assert machine.proxies({"https_proxy": ""}) == []


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("proxy.local:3128", "proxy.local"),
        ("me:hunter2@proxy.local:3128", "proxy.local"),
        ("http://[broken", "no address"),
        ("http://", "no address"),
    ],
)
def test_any_address_of_a_proxy_can_be_shown(url: str, shown: str) -> None:
    [found] = machine.proxies({"all_proxy": url})
    assert found.detail.startswith(f"all_proxy ({shown})")


def test_few_open_files_are_warned_of() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        few = machine.open_files()
        resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
        enough = machine.open_files()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert (few.level, few.detail) == ("warn", "at most 256 at once")
    assert enough.level == "ok"


def test_weights_are_looked_for_in_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEAWALL_CACHE", str(tmp_path))
    found = machine.weights("local/smollm2-135m")
    assert (found.level, found.remedy) == ("info", "seawall local pull smollm2-135m")
    assert machine.weights("openai/gpt-4o-mini").remedy == ""
    path = tmp_path / "models" / "smollm2-135m.gguf"
    path.parent.mkdir()
    with path.open("wb") as file:
        file.truncate(98_362_432)
    assert machine.weights("local/smollm2-135m").detail == "smollm2-135m on this machine"
