from __future__ import annotations

import os
import subprocess
import time
import tracemalloc
from pathlib import Path

import pytest
from cli_doctor import NAMES_ARE_TEXT, Repository, made_up

from seawall.cli.doctor import leaks
from seawall.cli.doctor.findings import Finding

KEY = made_up("sk-proj-", 120)
NO_TEXT = pytest.param("\udcff", marks=NAMES_ARE_TEXT)
OTHER = made_up("gsk_", 52, seed=2)


@pytest.fixture(autouse=True)
def _own_git(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


def look(path: Path, max_seconds: float = 60) -> list[Finding]:
    found = leaks.check(path, max_seconds)
    assert KEY not in repr(found)
    assert OTHER not in repr(found)
    return found


def test_a_clean_repository_is_clean(repository: Repository) -> None:
    repository.commit(readme="OPENAI_API_KEY=sk-your-key-here-1234567890\n")
    repository.commit(code="import os\n")
    [summary] = look(repository.path)
    assert (summary.level, summary.title) == ("ok", "looked at")
    assert summary.detail == f"2 files and 2 commits of {repository.path}: no key"


def test_a_tracked_key_fails_and_is_located(repository: Repository) -> None:
    commit = repository.commit(**{"src/app.py": f"import os\n\nkey = '{KEY}'\n"})
    leak, _ = look(repository.path)
    assert leak.level == "fail"
    assert leak.title == KEY[:6] + "***"
    assert leak.detail == f"OpenAI key in src/app.py:3, commit {commit}:src/app.py"
    assert "Revoke" in leak.remedy
    assert "git filter-repo" in leak.remedy


def test_a_key_that_was_taken_out_again_is_in_the_history(repository: Repository) -> None:
    repository.commit(first="nothing\n")
    commit = repository.commit(**{"a b/ü.py": f"key = '{KEY}'\n"})
    repository.commit(**{"a b/ü.py": "key = os.environ['KEY']\n"})
    leak, summary = look(repository.path)
    assert leak.level == "fail"
    assert leak.detail == f"OpenAI key in commit {commit}:a b/ü.py"
    assert summary.detail.startswith("2 files and 3 commits")


def test_an_untracked_key_warns_and_an_ignored_one_does_not(repository: Repository) -> None:
    repository.commit(**{".gitignore": ".env\n"})
    repository.write(".env", f"OPENAI_API_KEY={OTHER}\n")
    repository.write("notes.txt", f"{KEY}\n")
    leak, _ = look(repository.path)
    assert (leak.level, leak.detail) == ("warn", "OpenAI key in notes.txt:1")
    assert "git add" in leak.remedy


def test_the_same_key_is_one_finding(repository: Repository) -> None:
    for number in range(6):
        repository.commit(**{f"{number}.py": f"{KEY}\n"})
    leak, _ = look(repository.path)
    assert leak.detail.startswith("OpenAI key in 0.py:1, 1.py:1, 2.py:1 and 9 more")


def test_any_directory_of_a_repository_stands_for_all_of_it(repository: Repository) -> None:
    repository.commit(**{"top.py": f"{KEY}\n", "deep/down/here.py": "\n"})
    assert look(repository.path / "deep" / "down")[0].detail.startswith("OpenAI key in top.py:1")


@pytest.mark.parametrize(
    "name", ["with space", "tab\tbed", "line\nbreak", 'quo"te', "d/i/r", NO_TEXT]
)
def test_any_file_name_is_told(repository: Repository, name: str) -> None:
    (repository.path / name).parent.mkdir(parents=True, exist_ok=True)
    (repository.path / name).write_text(f"{KEY}\n")
    repository.commit()
    (repository.path / name).unlink()
    repository.commit()
    leak, _ = look(repository.path)
    assert leak.detail.startswith("OpenAI key in commit ")
    if name.isprintable() and name.isascii() and '"' not in name:
        assert leak.detail.endswith(f":{name}")


def test_branches_stashes_merges_and_messages_are_history_too(repository: Repository) -> None:
    keys = [made_up("gsk_", 52, seed=seed) for seed in range(10, 14)]
    repository.commit(shared="one\n")
    repository.git("switch", "--quiet", "--create", "side")
    repository.commit(side="\n", shared="two\n")
    repository.git("switch", "--quiet", "main")
    repository.commit(main="\n", shared="three\n")
    repository.git("merge", "--no-commit", "side", check=False)
    repository.commit(shared=f"{keys[0]}\n")  # a merge that adds what neither side had
    repository.commit(shared="four\n", message=f"take the key {keys[1]} out")
    repository.git("switch", "--quiet", "--create", "forgotten")
    repository.commit(lost=f"{keys[2]}\n")
    repository.git("switch", "--quiet", "main")
    repository.write("shared", f"{keys[3]}\n")
    repository.git("stash")
    found = {finding.title + finding.detail.rpartition(":")[2] for finding in look(repository.path)}
    assert {key[:6] + "***" for key in keys} <= {text[:9] for text in found}
    assert {text[9:] for text in found} >= {"shared", "message", "lost"}


def test_removed_lines_are_not_what_a_commit_added(repository: Repository) -> None:
    added = repository.commit(file=f"{KEY}\n")
    removed = repository.commit(file="\n")
    detail = look(repository.path)[0].detail
    assert added in detail
    assert removed not in detail


def test_lines_that_look_like_headings_do_not_mislead(repository: Repository) -> None:
    commit = repository.commit(real=f"+++ b/fake\n++ fake\ndiff --git a/x b/x\ncommit abc\n{KEY}\n")
    repository.git("rm", "--quiet", "real")
    repository.commit(message="diff --git a/y b/y\n\n+++ y\ncommit def")
    assert look(repository.path)[0].detail == f"OpenAI key in commit {commit}:real"


def test_binary_and_huge_files_and_links_are_left_out(
    repository: Repository, tmp_path: Path
) -> None:
    (tmp_path / "outside").write_text(f"{KEY}\n")
    repository.write("binary", b"\0" + KEY.encode())
    repository.write("huge", f"{KEY}\n" + "x" * (5 << 20))
    (repository.path / "link").symlink_to(tmp_path / "outside")
    repository.commit()
    [summary] = look(repository.path)
    assert summary.detail.endswith("no key; 1 larger than 5 MiB left out")


@pytest.mark.parametrize("length", [100_000, 3_000_000])
def test_a_key_in_a_very_long_line_is_found(repository: Repository, length: int) -> None:
    filler = "lorem ipsum " * (length // 24)
    commit = repository.commit(bundle=f"{filler}'{KEY}'{filler}\n", after=f"{OTHER}\n")
    repository.git("rm", "--quiet", "bundle", "after")
    repository.commit()
    details = {finding.detail for finding in look(repository.path)}
    assert f"OpenAI key in commit {commit}:bundle" in details
    assert f"Groq key in commit {commit}:after" in details


def test_a_repository_without_a_commit_works(repository: Repository) -> None:
    repository.write("app.py", f"{KEY}\n")
    leak, summary = look(repository.path)
    assert leak.level == "warn"
    assert "and 0 commits of" in summary.detail


def test_a_staged_file_is_git_s_already(repository: Repository) -> None:
    repository.write("app.py", f"{KEY}\n")
    repository.git("add", "app.py")
    assert look(repository.path)[0].level == "fail"


def test_a_directory_without_git_works(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "app.py").write_text(f"\n{KEY}\n")
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "vendored.js").write_text(OTHER)
    leak, summary = look(tmp_path)
    assert (leak.level, leak.detail) == ("warn", "OpenAI key in sub/app.py:2")
    assert "(without git)" in summary.detail


def test_without_git_the_files_are_looked_at(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit(**{"app.py": f"{KEY}\n"})
    monkeypatch.setenv("PATH", str(repository.path))
    leak, note, _ = look(repository.path)
    assert leak.detail == "OpenAI key in app.py:1"
    assert note.level == "warn"
    assert "git cannot be run" in note.detail


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a repository away")
def test_a_repository_git_does_not_trust_is_said_to_be(repository: Repository) -> None:
    repository.commit(**{"app.py": f"{KEY}\n"})
    os.chown(repository.path, 65534, 65534)
    leak, note, _ = look(repository.path)
    assert leak.detail == "OpenAI key in app.py:1"
    assert note.detail.startswith("detected dubious ownership in repository")


def test_time_that_is_up_is_said(repository: Repository) -> None:
    repository.commit(**{"app.py": f"{KEY}\n"})
    late, summary = look(repository.path, max_seconds=0)
    assert (late.level, late.title) == ("warn", "incomplete")
    assert late.detail == "stopped after 0 s: some files, and all commits, were not looked at"
    assert "--max-seconds" in late.remedy
    assert summary.detail.startswith("0 files and 0 commits")


def test_a_git_that_hangs_is_stopped(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit(**{"app.py": f"{KEY}\n"})
    real = subprocess.run(["which", "git"], capture_output=True, text=True, check=True).stdout
    pid = tmp_path / "pid"
    script = f'#!/bin/sh\ncase "$*" in *--patch*) echo $$ > {pid}; exec sleep 600;; esac\n'
    hanging = tmp_path / "bin" / "git"
    hanging.parent.mkdir()
    hanging.write_text(f'{script}exec {real.strip()} "$@"\n')
    hanging.chmod(0o755)
    monkeypatch.setenv("PATH", str(hanging.parent), prepend=os.pathsep)
    began = time.monotonic()
    leak, late, _ = look(repository.path, max_seconds=1)
    assert time.monotonic() - began < 30
    assert leak.detail == "OpenAI key in app.py:1"
    assert late.detail == "stopped after 1 s: older commits were not looked at"
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


def test_a_broken_repository_is_said_to_be(repository: Repository) -> None:
    repository.commit(**{"app.py": f"{KEY}\n"})
    for path in (repository.path / ".git" / "objects").glob("??/*"):
        path.unlink()
    leak, broken, _ = look(repository.path)
    assert leak.detail == "OpenAI key in app.py:1"
    assert broken.title == "incomplete"
    assert broken.detail.startswith("git broke off: ")


def test_a_shallow_clone_says_so(repository: Repository, tmp_path: Path) -> None:
    repository.commit(**{"app.py": f"{KEY}\n"})
    repository.commit(**{"app.py": "\n"})
    clone = tmp_path / "clone"
    repository.git("clone", "--quiet", "--depth", "1", f"file://{repository.path}", str(clone))
    shallow, summary = look(clone)
    assert shallow.remedy == "git fetch --unshallow"
    assert "no key" in summary.detail


def test_a_repository_cannot_have_its_programs_run(repository: Repository, tmp_path: Path) -> None:
    repository.commit(**{"app.py": f"{KEY}\n", ".gitattributes": "*.py diff=evil\n"})
    trap = tmp_path / "trap"
    evil = tmp_path / "evil"
    evil.write_text(f"#!/bin/sh\ntouch {trap}\ncat /dev/null\n")
    evil.chmod(0o755)
    for name in ("diff.external", "diff.evil.command", "diff.evil.textconv", "core.fsmonitor"):
        repository.git("config", name, str(evil))
    repository.git("config", "core.pager", str(evil))
    repository.git("config", "log.showSignature", "true")
    repository.git("config", "gpg.program", str(evil))
    assert len(look(repository.path)) == 2
    assert not trap.exists()


def test_in_a_hook_the_right_repository_is_looked_at(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooked = Repository(tmp_path / "hooked")
    hooked.commit(clean="\n")
    repository.commit(**{"app.py": f"{KEY}\n"})
    monkeypatch.setenv("GIT_DIR", str(hooked.path / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(hooked.path / ".git" / "index"))
    assert look(repository.path)[0].detail.startswith("OpenAI key in app.py:1")


def test_many_keys_are_cut_short(repository: Repository) -> None:
    keys = [made_up("gsk_", 52, seed=seed) for seed in range(150)]
    repository.commit(fixtures="\n".join(keys))
    found = look(repository.path)
    assert len(found) == 101
    assert "more than these keys" in found[-1].detail


def test_a_long_history_takes_little_memory(repository: Repository) -> None:
    line = "the quick brown fox jumps over the lazy dog, and what does the dog do?\n"
    for number in range(5):
        repository.commit(
            text=f"{number}\n" + line * 55_000 + f"{number}\n{KEY if not number else ''}"
        )
        repository.write("text", "\n")
        repository.commit()
    tracemalloc.start()
    leak, summary = look(repository.path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "10 commits" in summary.detail
    assert leak.level == "fail"
    assert peak < 8_000_000
