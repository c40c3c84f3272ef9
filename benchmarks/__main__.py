"""``make bench``: measure, print, and write docs/benchmarks.md and benchmarks/results.json."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path

from . import library, transport

ROOT = Path(__file__).parents[1]
PACKAGES = ("aiohttp", "httptools", "httpx2", "msgspec", "openai", "uvloop")

PAGE = """# What it costs

CPU microseconds, written by `make bench` on {date}: {machine}, {cores} cores, CPython {python};
{versions}.

A shared machine is noisy: read the figures as ratios. All clients run in one process and take
turns, on uvloop, and ask one server in a process of its own over loopback. CPU time is the whole
process's, threads included. Each figure is the median of several rounds.

## A call through the library

Seawall with every policy and the ledger on, content included; the others bare. 32 calls at a
time; the request has 640 characters, the answer 600; a stream has {chunks} chunks, each written by
itself.

| client | a call | a streamed chunk |
|---|---:|---:|
{library}

The openai SDK's call costs {call_ratio:.1f} times Seawall's, its chunk {chunk_ratio:.1f} times.

## The transport alone

| client | a request | a streamed chunk |
|---|---:|---:|
{transport}

aiohttp's request costs {transport_ratio:.1f} times the transport's.
"""


def main() -> None:
    figures = {**library.measure(), **transport.measure()}
    for name, value in figures.items():
        print(f"{name:40} {value:10.2f}")
    results = {name: round(value, 3) for name, value in sorted(figures.items())}
    (ROOT / "benchmarks/results.json").write_text(json.dumps(results, indent=2) + "\n")
    (ROOT / "docs/benchmarks.md").write_text(_page(figures))


def _page(figures: dict[str, float]) -> str:
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
    )


def _rows(figures: dict[str, float], first: str, second: str) -> str:
    rows: list[str] = []
    for client in ("seawall", "transport", "aiohttp", "httpx2", "openai"):
        if first.format(client) in figures:
            one, two = figures[first.format(client)], figures[second.format(client)]
            rows.append(f"| {client} | {one:,.1f} | {two:,.2f} |")
    return "\n".join(rows)


if __name__ == "__main__":
    main()
