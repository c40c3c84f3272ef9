"""The demo, whole, on the smallest real model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from seawall.transports.local import WeightsError, pull


def test_the_demo_shows_every_rescue_and_the_receipt(tmp_path: Path) -> None:
    try:
        pull("smollm2-135m")
    except WeightsError as error:
        pytest.skip(f"the weights cannot be had: {error}")
    env = {**os.environ, "SEAWALL_DIR": str(tmp_path / "state"), "COLUMNS": "100"}
    command = [sys.executable, "-m", "seawall.cli"]
    done = subprocess.run(
        [*command, "demo", "--model", "smollm2-135m"],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    printed = " ".join(done.stdout.split())
    for shown in (
        "429 Too Many Requests",
        "again in 1 s (retry-after)",
        "cut before the first token",
        "StreamCutError",
        "asking local/smollm2-135m instead",
        "is open",
        "is closed",
        "step 5: the ledger's receipt",
    ):
        assert shown in printed
    logs = subprocess.run(
        [*command, "logs", "--json"], env=env, capture_output=True, text=True, check=True
    )
    outcomes = [json.loads(line)["outcome"] for line in logs.stdout.splitlines()]
    assert outcomes.count("cut") == 1
    assert outcomes.count("finished") >= 3
