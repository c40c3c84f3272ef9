"""What a caller may get wrong in a call: told before anything is sent, with what was wrong."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
from client_upstream import Upstream, http, sends, upstream

from seawall import BadRequestError, ConfigError, Seawall, Tool, UnsupportedError
from seawall.sinks import Ledger


class Odd:
    """What no JSON can say."""


WRONG: dict[str, tuple[Any, dict[str, Any], type[Exception], str]] = {
    "messages None": (None, {}, BadRequestError, "messages is None"),
    "messages a number": (5, {}, BadRequestError, "messages is 5"),
    "messages bytes": (b"hi", {}, BadRequestError, r"messages is b'hi'.*decode"),
    "messages none": ([], {}, BadRequestError, "there are no messages"),
    "messages numbers": ([1], {}, BadRequestError, r"messages\[0\] is a int"),
    "a role": ([{"role": "king", "content": "x"}], {}, BadRequestError, "role is 'king'"),
    "content": ([{"role": "user", "content": 5}], {}, BadRequestError, "content"),
    "no Unicode": ("a\ud83d", {}, UnsupportedError, "no Unicode"),
    "temperature text": ("?", {"temperature": "hot"}, BadRequestError, "temperature is 'hot'"),
    "temperature nan": ("?", {"temperature": math.nan}, BadRequestError, "temperature is nan"),
    "top_p inf": ("?", {"top_p": math.inf}, BadRequestError, "top_p is inf"),
    "max_tokens a fraction": ("?", {"max_tokens": 1.5}, BadRequestError, "max_tokens is 1.5"),
    "max_tokens a truth": ("?", {"max_tokens": True}, BadRequestError, "max_tokens is True"),
    "stop": ("?", {"stop": [1]}, BadRequestError, r"stop is \[1\]"),
    "tools text": ("?", {"tools": "abc"}, BadRequestError, "tools is 'abc'"),
    "a tool": ("?", {"tools": [print]}, BadRequestError, "give a dict or a Tool"),
    "tool_choice a word": ("?", {"tool_choice": "maybe"}, BadRequestError, "'maybe'"),
    "tool_choice a number": ("?", {"tool_choice": 5}, BadRequestError, "tool_choice 5"),
    "response_format": ("?", {"response_format": "json"}, BadRequestError, "'json'"),
    "system": ("?", {"system": ["a"]}, BadRequestError, r"system is \['a'\]"),
    "extra": ("?", {"extra": {"tier": "flex"}}, BadRequestError, "openai_chat"),
    "extra odd": ("?", {"extra": {"openai_chat": {"a": Odd()}}}, UnsupportedError, "Odd"),
    "tool parameters": ("?", {"tools": [Tool(name="f", parameters={"a": Odd()})]},
                        UnsupportedError, "Odd"),
    "feature": ("?", {"feature": 5}, ConfigError, "feature is 5"),
    "tags text": ("?", {"tags": "abc"}, ConfigError, "tags is 'abc'"),
    "deadline text": ("?", {"deadline": "5s"}, ConfigError, "deadline is '5s'"),
    "deadline nothing": ("?", {"deadline": 0}, ConfigError, "longer than 0 s"),
    "a deadline": ("?", {"deadline": {"totl": 5}}, ConfigError, "no 'totl'"),
    "retry a number": ("?", {"retry": 3}, ConfigError, "retry is 3"),
    "retry nothing": ("?", {"retry": {"attempts": 0}}, ConfigError, "attempts"),
    "breaker": ("?", {"breaker": "off"}, ConfigError, "breaker is 'off'"),
    "fallback_reply": ("?", {"fallback_reply": 5}, ConfigError, "fallback_reply is 5"),
    "reasks": ("?", {"reasks": -1}, ConfigError, "reasks is -1"),
    "model a number": ("?", {"model": 5}, ConfigError, "model is 5"),
    "model empty": ("?", {"model": ""}, ConfigError, "model is ''"),
    "no models": ("?", {"model": []}, ConfigError, r"model is \[\]"),
    "model a word": ("?", {"model": "gpt"}, ConfigError, "Write for example 'openai/gpt'"),
    "half a model": ("?", {"model": "wall/"}, ConfigError, r"'wall/' is neither an alias nor"),
    "no part of a model": ("?", {"model": "/"}, ConfigError, "'openai/gpt-4o-mini'"),
    "a vendor": ("?", {"model": "wal/m"}, ConfigError, "Did you mean 'wall'"),
    "inherited": ("?", {"inherited": "abc"}, ConfigError, "inherited is 'abc'"),
    "output": ("?", {"output": 5}, ConfigError, "5 cannot be the type"),
    "output schema": ("?", {"output": {"type": "objekt"}}, ConfigError, "objekt"),
    "a misspelling": ("?", {"temprature": 1}, TypeError, "did you mean 'temperature'"),
    "another's timeout": ("?", {"timeout": 5}, TypeError, "did you mean 'deadline'"),
    "another's retries": ("?", {"max_retries": 5}, TypeError, "did you mean 'retry'"),
    "another's stream": ("?", {"stream": True}, TypeError, r"stream\(\)"),
}  # fmt: skip


@pytest.fixture(scope="module")
def up() -> Iterator[Upstream]:
    with upstream() as served:
        yield served


@pytest.mark.parametrize("how", ["chat", "stream"])
@pytest.mark.parametrize("name", WRONG)
def test_it_is_told_before_anything_is_sent(
    name: str, how: str, up: Upstream, tmp_path: Path
) -> None:
    messages, options, kind, told = WRONG[name]
    asked = len(up.asked)
    with Seawall(**up.settings(ledger={"dir": str(tmp_path)})) as client:
        ask = client.chat if how == "chat" else lambda *a, **k: client.stream(*a, **k).reply()
        with pytest.raises(kind, match=told) as raised:
            ask(messages, **options)
        assert type(raised.value) is kind
        assert len(up.asked) == asked
        assert client.chat("?").text == "Trieste"


def test_an_absurd_usage_is_no_reason_to_lose_the_record(up: Upstream, tmp_path: Path) -> None:
    usage = {"prompt_tokens": 10**30, "completion_tokens": 3, "total_tokens": 10**30 + 3}
    body = {"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}], "usage": usage}
    price = {"wall/m": {"price": {"input": "15", "output": "60"}}}
    settings = up.settings(ledger={"dir": str(tmp_path)}, models=price)
    with Seawall(**settings) as client:
        up.script.append(sends(http(200, msgspec.json.encode(body))))
        reply = client.chat("Name a harbour.")
        assert (reply.text, reply.cost_estimated) == ("hi", True)
    with Ledger.open(tmp_path) as ledger:
        (row,) = ledger.calls()
    assert (row.outcome, row.cost_state) == ("finished", "estimated")


def test_odd_but_possible_things_are_sent_and_recorded(up: Upstream, tmp_path: Path) -> None:
    big = "🌊\x00\u2028" * 300_000
    with Seawall(**up.settings(ledger={"dir": str(tmp_path)})) as client:
        long = client.chat(big, tags={"n": 2**70, "x": [None]}, feature="\x1b[31m")
        assert up.asked[-1].json["messages"][0]["content"] == big
        odd = client.chat("", model=None, tags={"a": Odd(), "day": date(2026, 1, 1)})  # type: ignore[arg-type]
        assert client.chat(message for message in [{"role": "user", "content": "x"}]).text  # type: ignore[arg-type]
    with Ledger.open(tmp_path) as ledger:
        first, second = ledger.get(long.id), ledger.get(odd.id)
    assert first.messages[0]["content"][0]["text"] == big
    assert first.feature == "\x1b[31m"
    assert second.tags["day"] == "2026-01-01"
    assert "Odd object" in second.tags["a"]
