"""The quick reading of an ordinary answer gives what the general reading gives."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall.dialects.openai_chat.plain import read_plain
from seawall.dialects.openai_chat.responses import read_response

_words = st.none() | st.text(max_size=5)
_counts = st.integers(0, 10)
_usage = st.fixed_dictionaries(
    {},
    optional={
        "prompt_tokens": _counts,
        "completion_tokens": _counts,
        "total_tokens": _counts,
        "prompt_tokens_details": st.none()
        | st.dictionaries(st.sampled_from(["cached_tokens", "audio_tokens"]), _counts),
        "completion_tokens_details": st.dictionaries(
            st.sampled_from(["reasoning_tokens", "x"]), _counts
        ),
        "queue_time": st.floats(0, 1),
    },
)
_message = st.fixed_dictionaries(
    {"content": st.none() | st.text()},
    optional={
        "role": st.just("assistant"),
        "refusal": _words,
        "annotations": st.none() | st.just([]) | st.just([{"type": "url_citation"}]),
        "tool_calls": st.none() | st.just([]),
        "audio": st.none(),
        "reasoning_content": st.text(max_size=3),
    },
)
_choice = st.fixed_dictionaries(
    {"message": _message},
    optional={
        "index": st.integers(0, 2),
        "finish_reason": st.none() | st.sampled_from(["stop", "length", ""]),
        "logprobs": st.none() | st.just({"content": []}),
    },
)
_answer = st.fixed_dictionaries(
    {"choices": st.lists(_choice, min_size=1, max_size=2)},
    optional={
        "id": st.text(max_size=4),
        "object": st.just("chat.completion"),
        "created": st.integers(-1, 2**53 + 1),
        "model": st.text(max_size=4),
        "usage": st.none() | _usage,
        "system_fingerprint": _words,
        "service_tier": _words,
        "timings": st.just({"predicted_n": 3}),
    },
)


@given(_answer)
def test_both_readings_agree(raw: dict[str, Any]) -> None:
    plain = read_plain(json.dumps(raw).encode())
    assert plain is None or plain == read_response(raw)


@pytest.mark.parametrize("more", [{}, {"system_fingerprint": "fp_1", "service_tier": "default"}])
def test_the_ordinary_answer_is_read_quickly(more: dict[str, Any]) -> None:
    raw = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1700000000,
        "model": "gpt-4o-mini",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "hi",
                    "refusal": None,
                    "annotations": [],
                },
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
        **more,
    }
    plain = read_plain(json.dumps(raw).encode())
    assert plain is not None
    assert plain == read_response(raw)
