"""``seawall logs`` and ``seawall explain``, run as people run them."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from rich.cells import cell_len
from sinks_calls import MODEL, call, ended, started

from seawall.cli import main
from seawall.cli.moments import clock
from seawall.core.decision import Attempt, Decision, Refused
from seawall.sinks import Journal
from seawall.sinks.rows import Row

LOCAL = "local/qwen2.5-coder-1.5b"
REASON = f"{MODEL}: Rate limit reached\x1b[2J (HTTP 429)"
RESCUED = Decision(
    candidates=[MODEL, "wall/any", LOCAL],
    refused=[Refused("wall/any", "wall/any: the breaker is open; it probes in 12 s", 2.5)],
    attempts=[
        Attempt(1, MODEL, 0.0, status=429, took=0.4, outcome="rate_limit", reason=REASON),
        Attempt(
            2,
            LOCAL,
            2.5,
            waited=2.0,
            wait_reason="the provider asked for it",
            status=200,
            first_token=0.5,
            took=1.5,
            outcome="finished",
        ),
    ],
    notes=["output repaired: trailing commas removed"],
)


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Journal]:
    monkeypatch.setenv("SEAWALL_DIR", str(tmp_path))
    journal = Journal(tmp_path)
    journal.importer.close()
    yield journal
    journal.close()


@pytest.fixture
def rescued(journal: Journal) -> str:
    """The last of four calls: it was rescued twice."""
    now = time.time()
    call(journal, feature="search", at=now - 3 * 86400)
    call(journal, feature="a feature with a rather long name", at=now - 100)
    journal.start(started(at=now - 50))
    start = started(at=now - 10, tags={"tenant": "acme"}, prompt_name="triage", stream=True)
    journal.start(start)
    journal.end(
        ended(start.id, model=LOCAL, attempts=2, decision=RESCUED, latency=4.0, first_token=3.0)
    )
    return start.id


class Ran(NamedTuple):
    out: str
    err: str
    status: object


@pytest.fixture
def seawall(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    def run(*arguments: str) -> Ran:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        out, err = capsys.readouterr()
        return Ran(out, err, ended.value.code)

    return run


def on_terminal(*arguments: str, columns: int, **env: str) -> str:
    """What a terminal of so many columns is sent."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "seawall.cli", *arguments]
    env = {**os.environ, "COLUMNS": str(columns), "TERM": "xterm-256color", **env}
    with subprocess.Popen(command, stdout=theirs, stdin=theirs, env=env) as process:
        os.close(theirs)
        pieces: list[bytes] = []
        # Reading a terminal that nobody writes to any more fails on Linux and ends on macOS.
        with contextlib.suppress(OSError):
            while piece := os.read(ours, 65536):
                pieces.append(piece)
        os.close(ours)
        assert process.wait(timeout=20) == 0
    return b"".join(pieces).decode()


def test_a_list_has_a_line_for_each_call_and_their_sums(
    rescued: str, seawall: Callable[..., Ran]
) -> None:
    out, err, status = seawall("logs")
    assert (err, status) == ("", 0)
    head, *lines, totals = out.splitlines()
    assert head.split() == [
        "time",
        "id",
        "feature",
        "model",
        "outcome",
        "in+out",
        "cost",
        "seconds",
        "n",
    ]
    assert [line.split()[-1] for line in lines] == ["1", "1", "1", "2"]
    assert lines[0].startswith(clock(time.time() - 3 * 86400)[:5])
    assert "a feature with a rather long name" in lines[1]
    assert " open " in lines[2]
    assert rescued.startswith(lines[3].split()[1])
    assert lines[3].split()[2:] == [
        "support",
        LOCAL,
        "finished",
        "42+3",
        "$0.000008",
        "3.0/4.0",
        "2",
    ]
    assert totals == "4 calls · 126 tokens in, 9 out · $0.0000243"


def test_a_prefix_from_the_list_is_enough_to_explain(
    journal: Journal, seawall: Callable[..., Ran]
) -> None:
    at = time.time()
    ids = [call(journal, at=at) for _ in range(40)]
    prefixes = [line.split()[1] for line in seawall("logs").out.splitlines()[1:-1]]
    assert len(set(prefixes)) == 40
    for prefix in prefixes[::10]:
        assert seawall("explain", prefix).out.split()[0] in ids


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (["--since", "1h"], 3),
        (["--since", "1w"], 4),
        (["--until", "1d"], 1),
        (["--since", "1w", "--until", "90s"], 2),
        (["--since", "2020-01-01", "--until", "2020-01-02T13:30+01:00"], 0),
        (["--feature", "search"], 1),
        (["--model", "local/*"], 1),
        (["-m", "smart", "--outcome", "open"], 1),
        (["--limit", "2"], 2),
    ],
)
def test_json_has_whole_calls_one_a_line(
    rescued: str, seawall: Callable[..., Ran], options: list[str], count: int
) -> None:
    out, _, status = seawall("logs", "--json", *options)
    calls = [json.loads(line) for line in out.splitlines()]
    assert (len(calls), status) == (count, 0)
    for found in calls:
        assert tuple(found) == Row.__struct_fields__
    if count == 4:
        last = calls[-1]
        assert last["id"] == rescued
        assert last["cost_nano_usd"] == 8100
        assert last["messages"] == [{"role": "user", "content": "Say a word."}]
        assert last["response"]["content"] == "A word."
        assert [attempt["model"] for attempt in last["decision"]["attempts"]] == [MODEL, LOCAL]


def test_a_short_list_says_so(rescued: str, seawall: Callable[..., Ran]) -> None:
    out = seawall("logs", "-n", "1").out
    assert "the latest 1 of 4 calls; all of them: 126 tokens in" in out.replace("\n", " ")
    assert rescued[:10] in out


def test_nothing_found_is_said_aside(rescued: str, seawall: Callable[..., Ran]) -> None:
    assert seawall("logs", "--feature", "none") == Ran("", "no call matches\n", 0)
    assert seawall("logs", "--feature", "none", "--json") == Ran("", "", 0)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["logs", "--since", "yesterdayish"], "'yesterdayish' is neither an age (90s, 30m, 1h"),
        (["logs", "--outcome", "lost"], "'lost' is not one of 'open', 'interrupted'"),
        (["logs", "--dir", "/nowhere"], "there is no ledger in /nowhere: no call was recorded"),
        (["explain", "zz"], "no call 'zz' is in the ledger of"),
        (["explain", "0"], "'0' begins several ids"),
    ],
)
def test_what_is_wrong_is_named(
    rescued: str, seawall: Callable[..., Ran], arguments: list[str], words: str
) -> None:
    out, err, status = seawall(*arguments)
    assert out == ""
    assert words in err
    assert status != 0


def test_explain_draws_what_happened_in_its_order(
    rescued: str, seawall: Callable[..., Ran]
) -> None:
    out, _, status = seawall("explain", rescued[:14])
    assert status == 0
    lines = [" ".join(line.split()) for line in out.splitlines()]
    wanted = [
        f"{rescued} finished",
        "for smart, streamed",
        "feature support",
        "prompt triage",
        "tags tenant acme",
        f"0.000 s route {MODEL} → wall/any → {LOCAL}",
        f"0.000 s attempt 1 {MODEL}",
        "0.400 s rate_limit (HTTP 429): Rate limit reached\ufffd[2J",
        "0.500 s wait 2 s: the provider asked for it",
        "2.500 s refused wall/any: the breaker is open; it probes in 12 s",
        f"2.500 s attempt 2 {LOCAL}",
        "3.000 s first token",
        "4.000 s finished (HTTP 200)",
        "4.000 s end finished: stop",
        "notes output repaired: trailing commas removed",
        "tokens 42 in, 3 out",
        "cost $0.0000081",
        "time 4 s in 2 attempts, the first token after 3 s",
    ]
    assert [line for line in lines if line in wanted] == wanted


def test_explain_draws_every_outcome(journal: Journal, seawall: Callable[..., Ran]) -> None:
    open_ = started()
    journal.start(open_)
    out = seawall("explain", open_.id).out
    assert "open" in out
    assert "attempt 1" in out
    for outcome in ("cut", "cancelled", "fault", "fallback_reply"):
        start = started()
        journal.start(start)
        journal.end(ended(start.id, outcome=outcome, error_kind="stream_cut", damaged=2))
        out = seawall("explain", start.id).out
        assert f"end    {outcome}" in " ".join(out.split("  ")) or outcome in out
        assert "2 unreadable events were skipped" in out


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("command", ["logs", "explain"])
def test_it_fits_the_terminal(rescued: str, command: str, columns: int) -> None:
    arguments = [command] if command == "logs" else [command, rescued]
    screen = on_terminal(*arguments, columns=columns)
    assert "\x1b[2J" not in screen, "a provider's words steer the terminal"
    assert "\x1b[" in screen, "there is no colour"
    lines = re.sub(r"\x1b\[[0-9;]*m", "", screen).splitlines()
    assert max(map(cell_len, lines)) <= columns
    assert ("█" in screen) == (command == "explain" and columns == 120)


def test_no_color_is_honoured(rescued: str) -> None:
    screen = on_terminal("logs", columns=80, NO_COLOR="1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", screen)
    assert "finished" in screen


@pytest.mark.parametrize("as_json", [False, True])
def test_follow_shows_a_call_when_it_ends(
    rescued: str, journal: Journal, tmp_path: Path, as_json: bool
) -> None:
    command = [sys.executable, "-m", "seawall.cli", "logs", "--follow", "-n", "1"]
    with subprocess.Popen(
        [*command, *(["--json"] if as_json else [])], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            if not as_json:
                assert process.stdout.readline().split()[0] == "time"
            assert rescued[:12] in process.stdout.readline()
            later = call(journal)
            line = process.stdout.readline()
            assert (json.loads(line)["id"] if as_json else line.split()[1]) == (
                later if as_json else later[:12]
            )
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=20) == 130
        finally:
            process.kill()
