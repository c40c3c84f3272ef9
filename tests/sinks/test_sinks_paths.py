from __future__ import annotations

from pathlib import Path

from seawall.sinks import default_dir


def test_the_variable_wins() -> None:
    env = {"SEAWALL_DIR": "/var/lib/app", "XDG_STATE_HOME": "/state"}
    assert default_dir(env) == Path("/var/lib/app")
    assert default_dir({"SEAWALL_DIR": "~/calls"}) == Path.home() / "calls"


def test_then_the_state_directory() -> None:
    assert default_dir({"SEAWALL_DIR": "", "XDG_STATE_HOME": "/state"}) == Path("/state/seawall")
    home = Path.home() / ".local/state/seawall"
    assert default_dir({"XDG_STATE_HOME": "not/absolute"}) == home
    assert default_dir({}) == home
