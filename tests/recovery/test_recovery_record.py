"""What the ledger and ``seawall explain`` tell of a stream that was taken up again, or not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from recovery_world import Model, World, refusal

from seawall.sinks import Ledger
from seawall.sinks.rows import Row

PIECES = ("The ", "harbour ", "of ", "Trieste.")


async def told(world: World, directory: Path) -> Row:
    client = world.client(ledger={"dir": str(directory)})
    await world.tell(client, retry={"attempts": 1})
    with Ledger.open(directory) as ledger:
        (row,) = ledger.calls(contents=True)
    return row


def explained(row: Row, directory: Path) -> str:
    command = [sys.executable, "-m", "seawall.cli", "explain", row.id, "--dir", str(directory)]
    environ = os.environ | {"COLUMNS": "200"}
    return subprocess.run(
        command, env=environ, capture_output=True, text=True, check=True, timeout=30
    ).stdout


async def test_explain_says_who_went_on_where_and_how(tmp_path: Path) -> None:
    world = World(
        a=Model(pieces=PIECES, cut=3, pause=1.0),
        b=Model(pieces=PIECES, cut=3, pause=1.0),
        c=Model(pieces=PIECES, pause=1.0),
        prefill=["b"],
    )
    row = await told(world, tmp_path)
    lines = [line.split("  ") for line in explained(row, tmp_path).splitlines()]
    moments = [[cell.strip() for cell in line if cell.strip()] for line in lines]
    at = [cells[0] for cells in moments if "resumed" in cells]
    texts = [cells[2] for cells in moments if "resumed" in cells]
    assert texts == [
        "b/m, shown the text so far, goes on at character 12",
        "c/m, asked anew, goes on at character 23",
    ]
    assert at == ["5.000 s", "11.000 s"]
    assert (row.outcome, row.model) == ("finished", "c/m")


async def test_a_cut_nobody_mended_is_told_of_the_model_that_was_cut(tmp_path: Path) -> None:
    world = World(a=Model(pieces=PIECES, cut=3), b=refusal(503), prefill=["b"])
    row = await told(world, tmp_path)
    assert (row.outcome, row.model, row.error_kind) == ("cut", "a/m", "stream_cut")
    assert "The harbour " in str(row.response)
    text = explained(row, tmp_path)
    assert "b/m did not go on (shown the text so far): no (HTTP 503)" in text
    assert "the stream was not resumed" in text
