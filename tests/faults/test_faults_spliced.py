"""The bytes that go through as they are, against the path that understands them: for every fault
and every kind of question the same replies, records and costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from faults_world import QUESTION, TOOLS, FaultsWorld, Told

from seawall.simulator import KINDS, Kind, Rule, Script

SCHEMA = {
    "type": "json_schema",
    "json_schema": {
        "name": "harbour",
        "schema": {
            "type": "object",
            "properties": {"name": {"type": "string"}},
            "required": ["name"],
        },
    },
}
QUESTIONS: dict[str, dict[str, Any]] = {
    "text": {},
    "tools": {"tools": TOOLS, "tool_choice": "required"},
    "schema": {"response_format": SCHEMA},
    "two": {"n": 2},
    "usage": {"stream_options": {"include_usage": True}},
}
SIZE = {"huge-body": 300_000, "huge-event": 300_000}
CASES = [
    pytest.param(kind, stream, id=f"{kind.name}-{'streamed' if stream else 'whole'}")
    for kind in KINDS.values()
    for stream in (False, True)
    if (kind.streamed if stream else kind.whole)
]


class Both(FaultsWorld):
    """``ask_both`` asks through a door that splices and one that does not."""

    async def told(self, splice: bool, asked: dict[str, Any]) -> tuple[Told, Any]:
        self.splice = splice
        told = await self.ask_door(asked)
        row = await self.row()
        await self.close()
        return told, row

    async def ask_door(self, asked: dict[str, Any]) -> Told:
        stream = asked["stream"]
        sdk = self.sdk()
        self.http._transport._door.splice = self.splice
        return await self.clock.run(self._door(sdk, stream, asked))


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize(("kind", "stream"), CASES)
async def test_both_paths_say_the_same(
    tmp_path: Path, kind: Kind, stream: bool, question: str
) -> None:
    asked = {"model": "sim", "messages": QUESTION, "stream": stream} | QUESTIONS[question]
    if not stream:
        asked.pop("stream_options", None)
    found: list[Any] = []
    for splice in (True, False):
        script = Script(faults=(Rule(fault=kind.name, size=SIZE.get(kind.name)),))
        directory = tmp_path / str(splice)
        # No dice in the waits, so that both take the same time.
        world = Both(directory, script, retry={"base": 0})
        told, row = await world.told(splice, asked)
        found.append((_said(told), _kept(row), [_asked(seen) for seen in world.first.log]))
    spliced, typed = found
    assert spliced == typed


def _said(told: Told) -> Any:
    error = told.error
    about = None
    if error is not None:
        about = (type(error), getattr(error, "status_code", None), getattr(error, "body", None))
    return told.text, told.calls, about, told.took


def _kept(row: Any) -> Any:
    """A record, but for what differs from one call to the next."""
    names = set(row.__struct_fields__) - {"id", "at", "ended_at", "pid"}
    return {name: getattr(row, name) for name in sorted(names)}


def _asked(seen: Any) -> Any:
    return seen.model, seen.stream, seen.status, seen.fault
