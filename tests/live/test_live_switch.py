"""The live suite asks nobody by default, whatever keys are set; asked for, it asks little, and
stops at its cap."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from live_world import ANSWER, Asked, Purse, asked

from seawall.simulator import Script
from seawall.testing import SimulatedProvider
from seawall.vendors import built_in, names

ROOT = Path(__file__).parents[2]
KEYS = {
    row.key_env: "sk-live-0123456789"
    for name in names()
    if (row := built_in(name)) is not None and row.key_env is not None
}


def run(**environ: str) -> str:
    """What a run of the suite by itself prints."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "tests/live/test_live_vendors.py",
        ],
        env=os.environ | environ,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stdout + done.stderr


def test_keys_alone_ask_nobody() -> None:
    assert asked(KEYS) == []
    for wish in ("", "0", "true", "yes"):
        assert asked(KEYS | {"SEAWALL_LIVE": wish, "SEAWALL_LIVE_MODELS": "openai/m"}) == []
    printed = run(**KEYS, SEAWALL_LIVE_MODELS="openai/gpt-4o-mini")
    assert "1 skipped" in printed
    assert "only with SEAWALL_LIVE=1" in printed
    assert "passed" not in printed
    assert "failed" not in printed


def test_the_switch_alone_asks_nobody() -> None:
    assert asked({"SEAWALL_LIVE": "1"}) == []


def test_who_is_asked_is_cheap_and_known() -> None:
    everybody = asked(KEYS | {"SEAWALL_LIVE": "1"})
    assert {"anthropic", "cohere", "google", "mistral", "openai"} <= {
        one.vendor for one in everybody
    }
    assert all(one.most > 0 for one in everybody)
    named = asked({"SEAWALL_LIVE": "1", "SEAWALL_LIVE_MODELS": "openrouter/a/b, vllm/c"})
    assert [str(one) for one in named] == ["openrouter/a/b", "vllm/c"]
    assert named[0].most > 0.02, "of what a model costs that nobody knows, the worst is thought"


def test_a_purse_never_gives_more_than_it_has() -> None:
    purse = Purse(0.05)
    purse.take(0.03)
    with pytest.raises(pytest.skip.Exception, match="left of the cap"):
        purse.take(0.03)
    purse.take(0.02)
    assert purse.left == pytest.approx(0)


def test_asked_for_it_asks_once_a_feature_and_no_more_than_its_cap_allows() -> None:
    # Its tiny calls work, here with a provider that costs nothing; the cap pays for three.
    (model,) = asked({"SEAWALL_LIVE": "1", "SEAWALL_LIVE_MODELS": "openai/gpt-4o-mini"})
    assert isinstance(model, Asked)
    provider = SimulatedProvider(answer=Script(answer="Trieste").answer)
    try:
        printed = run(
            OPENAI_API_KEY="",
            SEAWALL_LIVE="1",
            SEAWALL_LIVE_MODELS=str(model),
            SEAWALL_LIVE_CAP=str(3.5 * model.most),
            SEAWALL_VENDORS__OPENAI__BASE_URL=provider.url,
            SEAWALL_VENDORS__OPENAI__KEY="sk-live-0123456789",
        )
        assert "3 passed, 1 skipped" in printed, printed
        assert len(provider.log) == 3
        assert {seen.model for seen in provider.log} == {model.model}
        assert ANSWER <= 256
    finally:
        provider.close()
