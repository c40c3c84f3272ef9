"""``make bench``: measure, print, and write docs/benchmarks.md and benchmarks/results.json."""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path

from . import dialects, faults, fidelity, library, transport

ROOT = Path(__file__).parents[1]
PACKAGES = (
    "aiohttp",
    "httptools",
    "httpx2",
    "msgspec",
    "openai",
    "pybreaker",
    "tenacity",
    "uvloop",
)

PAGE = """# What it costs

CPU microseconds, written by `make bench` on {date}: {machine}, {cores} cores, CPython {python};
{versions}.

A shared machine is noisy: read the figures as ratios. All clients run in one process and take
turns, on uvloop, and ask one server over loopback, in a process of its own that never sleeps: to
wake a process is work that would be charged to the client which writes to it. CPU time is the whole
process's, threads included. Each figure is the median of several rounds.

## A call through the library

Seawall with every policy and the ledger on, content included; the others bare. 32 calls at a
time; the request has 640 characters, the answer 600; a stream has {chunks} chunks, each written by
itself.

| client | a call | a streamed chunk |
|---|---:|---:|
{library}

The openai SDK's call costs {call_ratio:.1f} times Seawall's, its chunk {chunk_ratio:.1f} times.

`door` is the openai SDK with Seawall as its HTTP client, every policy and the ledger on: it saves
{call_door:.0f} % of the bare SDK's call and {chunk_door:.0f} % of its chunk. What is left is the
SDK's own work.

## The transport alone

| client | a request | a streamed chunk |
|---|---:|---:|
{transport}

aiohttp's request costs {transport_ratio:.1f} times the transport's.

## Translation

A question in one dialect (the lines) that is asked in another (the columns), as ratios of CPU time
to the same question that goes through as it came: of a call, and of a streamed chunk. A door is
given the bytes of each request with every policy and the ledger on, and its provider answers at
once with bytes made beforehand: with neither SDK nor sockets, translation weighs most. Where a
column names the line's own dialect, question and answer were understood and written anew all the
same. Below 1 the other dialect's answers are cheaper to read than the line's own: what goes through
as it came is read, too, for its usage and its end.

| asked in | as it came, µs | {dialects_head} |
|---|---:|{dialects_rule}
{dialects}

## One template, every dialect

{fidelity}

## The same faults

What becomes of one question when its provider, the [simulator](simulator.md), breaks on purpose (on
the first request, if not for good): under the openai SDK as it is; under the SDK inside tenacity
(three attempts, random exponential waits) and pybreaker, as a careful user writes it; and under the
SDK with Seawall as its HTTP client (`recovery="resume"`). None has another provider to go to; each
has a timeout of {timeout:.0f} s, which with Seawall is a deadline for all attempts. A cell says how
it ended, after how many requests and seconds. `part as whole` is a truncated answer that came
without an error.

| fault | openai SDK | tenacity and pybreaker | Seawall |
|---|---|---|---|
{faults}

Whole answers: {whole}. Parts taken for the whole: {parts}.
"""


def main() -> None:
    figures = {**library.measure(), **transport.measure(), **dialects.measure()}
    rows, rates = asyncio.run(faults.measure()), fidelity.measure()
    figures |= _counts(rows) | {
        f"fidelity_{rate.way}_{rate.dialect}_percent": rate.percent for rate in rates
    }
    for name, value in figures.items():
        print(f"{name:40} {value:10.2f}")
    results = {name: round(value, 3) for name, value in sorted(figures.items())}
    (ROOT / "benchmarks/results.json").write_text(json.dumps(results, indent=2) + "\n")
    (ROOT / "docs/benchmarks.md").write_text(_page(figures, rows, rates))


def _counts(rows: list[faults.Row]) -> dict[str, float]:
    found: dict[str, float] = {}
    for client in faults.CLIENTS:
        own = [row for row in rows if row.client == client]
        found[f"faults_{client}_whole"] = sum(row.ended == "whole" for row in own)
        found[f"faults_{client}_part_as_whole"] = sum(row.ended == "part as whole" for row in own)
        found[f"faults_{client}_hung"] = sum(row.ended == "hung" for row in own)
        found[f"faults_{client}_requests"] = sum(row.sent for row in own)
        found[f"faults_{client}_seconds"] = sum(row.seconds for row in own)
    found["faults_cases"] = len(rows) / len(faults.CLIENTS)
    return found


def _page(figures: dict[str, float], rows: list[faults.Row], rates: list[fidelity.Rate]) -> str:
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    return PAGE.format(
        date=datetime.now(UTC).date(),
        machine=f"{platform.system()} {platform.machine()}",
        cores=os.cpu_count(),
        python=platform.python_version(),
        versions=versions,
        chunks=library.CHUNKS,
        library=_rows(figures, "library_{}_call_us", "library_{}_chunk_us"),
        transport=_rows(figures, "{}_request_us", "{}_chunk_us"),
        call_ratio=figures["library_call_openai_ratio"],
        chunk_ratio=figures["library_chunk_openai_ratio"],
        transport_ratio=figures["aiohttp_request_ratio"],
        call_door=figures["library_call_door_saves_percent"],
        chunk_door=figures["library_chunk_door_saves_percent"],
        dialects_head=" | ".join(dialects.DIALECTS),
        dialects_rule="---:|" * len(dialects.DIALECTS),
        dialects="\n".join(_translation(figures, face) for face in dialects.DIALECTS),
        fidelity=_fidelity(rates),
        timeout=faults.TIMEOUT,
        faults=_faults(rows),
        whole=_each(figures, "whole"),
        parts=_each(figures, "part_as_whole"),
    )


def _translation(figures: dict[str, float], face: str) -> str:
    call, chunk = figures[f"dialects_{face}_call_us"], figures[f"dialects_{face}_chunk_us"]
    cells = [f"{call:,.0f}, chunk {chunk:,.1f}"]
    for to in dialects.DIALECTS:
        ratios = (figures[f"dialects_{face}_to_{to}_{part}_ratio"] for part in ("call", "chunk"))
        cells.append(", ".join(f"{ratio:.2f}" for ratio in ratios))
    return f"| {face} | {' | '.join(cells)} |"


def _fidelity(rates: list[fidelity.Rate]) -> str:
    if not rates:
        return f"Not measured: the weights of {fidelity.MODEL} are not on this machine."
    told = f"""The embedded {fidelity.MODEL} is served on loopback in every dialect, and the library
asks for the same {rates[0].asked} typed answers in each, at temperature 0 and without re-asking.
The schema is part of the request and enforced where the model runs, or it is told in the
instructions and the model does as it pleases. `word for word` counts questions that reached the
model exactly as one before them did; such a question is answered once, and its answer goes back
through each dialect.
"""
    lines = [
        f"| {rate.way} | {rate.dialect} | {rate.percent:.1f} % | {rate.same} of {rate.asked} |"
        for rate in rates
    ]
    spread = [
        f"{way}: {max(found) - min(found):.1f} points"
        for way in fidelity.WAYS
        if (found := [rate.percent for rate in rates if rate.way == way])
    ]
    table = "| schema | dialect | valid answers | word for word |\n|---|---|---:|---:|\n"
    return f"{told}\n{table}{chr(10).join(lines)}\n\nBetween the dialects, {', '.join(spread)}."


def _faults(rows: list[faults.Row]) -> str:
    cells: dict[str, list[str]] = {}
    for row in rows:
        requests = "1 request" if row.sent == 1 else f"{row.sent} requests"
        told = f"{row.ended}, {requests}, {row.seconds:.1f} s"
        cells.setdefault(row.case, []).append(told)
    return "\n".join(f"| {case} | {' | '.join(told)} |" for case, told in cells.items())


def _each(figures: dict[str, float], what: str) -> str:
    names = {"openai": "the SDK", "tenacity": "tenacity and pybreaker", "seawall": "Seawall"}
    total = figures["faults_cases"]
    counts = [f"{name} {figures[f'faults_{client}_{what}']:.0f}" for client, name in names.items()]
    return f"{', '.join(counts)} of {total:.0f}"


def _rows(figures: dict[str, float], first: str, second: str) -> str:
    rows: list[str] = []
    for client in ("seawall", "transport", "aiohttp", "httpx2", "door", "openai"):
        if first.format(client) in figures:
            one, two = figures[first.format(client)], figures[second.format(client)]
            rows.append(f"| {client} | {one:,.1f} | {two:,.2f} |")
    return "\n".join(rows)


if __name__ == "__main__":
    main()
