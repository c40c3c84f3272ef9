"""Answers of servers that speak this dialect, each with its own words, are read without loss.

All exchanges are ``documented``: they follow the reference, source or package named above each.
None was captured from a live server.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
import pytest

from seawall.dialects.openai_chat import FACE, WIRE
from seawall.errors import ContextLengthError, Fault, ProviderError
from seawall.folding import fold
from seawall.ports import Head
from seawall.types import Event, Message, Opaque, Reasoning, Response, Start, Text, ToolCall, Usage


def lost(told: Any, kept: Any, path: str = "") -> list[str]:
    """Paths of ``told`` whose values are not in ``kept``. A null says nothing."""
    if told is None:
        return []
    if isinstance(told, dict) and isinstance(kept, dict):
        return [p for k, v in told.items() for p in lost(v, kept.get(k), f"{path}.{k}".strip("."))]
    if isinstance(told, list) and isinstance(kept, list) and len(told) == len(kept):
        return [p for a, b in zip(told, kept, strict=True) for p in lost(a, b, path)]
    return [] if told == kept else [path]


class Whole(NamedTuple):
    """``moved``: paths that are said elsewhere in what we write; ``message`` says they are read."""

    body: str
    message: tuple[Any, ...]
    usage: Usage
    moved: tuple[str, ...] = ()


# OpenAI API reference, "Create chat completion", and the types of the openai package
OPENAI = Whole(
    """{"id":"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT","object":"chat.completion",
    "created":1741569952,"model":"gpt-4.1-2025-04-14","choices":[{"index":0,"message":{
    "role":"assistant","content":"Hello!","refusal":null,"annotations":[{"type":"url_citation",
    "url_citation":{"start_index":0,"end_index":5,"url":"https://example.test","title":"t"}}]},
    "logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":19,"completion_tokens":10,
    "total_tokens":29,"prompt_tokens_details":{"cached_tokens":4,"audio_tokens":0},
    "completion_tokens_details":{"reasoning_tokens":2,"audio_tokens":0,
    "accepted_prediction_tokens":0,"rejected_prediction_tokens":0}},"service_tier":"default",
    "system_fingerprint":"fp_1"}""",
    (Text("Hello!"),),
    Usage(
        prompt_tokens=19,
        completion_tokens=10,
        total_tokens=29,
        cached_tokens=4,
        reasoning_tokens=2,
    ),
)
# OpenAI API reference, audio output
OPENAI_AUDIO = Whole(
    """{"id":"c","object":"chat.completion","created":1,"model":"gpt-audio","choices":[{"index":0,
    "message":{"role":"assistant","content":null,"refusal":null,"audio":{"id":"audio_1",
    "data":"UklGRg==","expires_at":1741570000,"transcript":"Hi"}},"finish_reason":"stop"}],
    "usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}""",
    (),
    Usage(prompt_tokens=3, completion_tokens=2, total_tokens=5),
)
# Azure OpenAI, "Content filter annotations": content_filter_results and prompt_filter_results
AZURE = Whole(
    """{"choices":[{"content_filter_results":{"hate":{"filtered":false,"severity":"safe"},
    "protected_material_code":{"filtered":false,"detected":false,"citation":{"URL":"u",
    "license":"MIT"}}},"finish_reason":"stop","index":0,"logprobs":null,"message":{"content":"Hi",
    "role":"assistant"}}],"created":1711408935,"id":"chatcmpl-1","model":"gpt-35-turbo",
    "object":"chat.completion","prompt_filter_results":[{"prompt_index":0,
    "content_filter_results":{"jailbreak":{"filtered":false,"detected":false}}}],
    "system_fingerprint":null,"usage":{"completion_tokens":2,"prompt_tokens":9,
    "total_tokens":11}}""",
    (Text("Hi"),),
    Usage(prompt_tokens=9, completion_tokens=2, total_tokens=11),
)
# vLLM, entrypoints/openai/chat_completion/protocol.py: ChatCompletionResponse
VLLM = Whole(
    """{"id":"chatcmpl-b2","object":"chat.completion","created":1787401729,"model":"q","choices":[
    {"index":0,"message":{"role":"assistant","content":"Berlin","refusal":null,"annotations":null,
    "audio":null,"function_call":null,"tool_calls":[],"reasoning":"The capital."},"logprobs":null,
    "finish_reason":"stop","stop_reason":151645,"token_ids":[1,2],"routed_experts":null}],
    "service_tier":null,"system_fingerprint":"vllm-0.23.0","usage":{"prompt_tokens":26,
    "total_tokens":55,"completion_tokens":29,"prompt_tokens_details":null},
    "prompt_logprobs":[null,{"5":{"logprob":-0.1}}],"prompt_token_ids":null,
    "kv_transfer_params":{"a":1}}""",
    (Reasoning("The capital."), Text("Berlin")),
    Usage(prompt_tokens=26, completion_tokens=29, total_tokens=55),
    ("choices.message.reasoning", "choices.message.tool_calls"),
)
# llama.cpp, tools/server/server-task.cpp: to_json_oaicompat_chat and timings
LLAMA_CPP = Whole(
    """{"choices":[{"finish_reason":"stop","index":0,"message":{"role":"assistant",
    "reasoning_content":"hm","content":"180"}}],"created":1767973590,"model":"R1-Q4_K_M",
    "system_fingerprint":"b7634-f1768d8f0","object":"chat.completion","usage":{
    "completion_tokens":381,"prompt_tokens":63,"total_tokens":444,"prompt_tokens_details":{
    "cached_tokens":13}},"id":"chatcmpl-ap","timings":{"cache_n":13,"prompt_n":50,
    "prompt_ms":4.817,"prompt_per_token_ms":0.0764,"prompt_per_second":13078.67,"predicted_n":381,
    "predicted_ms":10707.9,"predicted_per_second":35.58},"__verbose":{"stop_type":"eos"}}""",
    (Reasoning("hm"), Text("180")),
    Usage(prompt_tokens=63, completion_tokens=381, total_tokens=444, cached_tokens=13),
)
# Ollama, openai/openai.go: ChatCompletion; a tool call carries its index there
OLLAMA = Whole(
    """{"id":"chatcmpl-304","object":"chat.completion","created":1744521962,"model":"qwen3:8b",
    "system_fingerprint":"fp_ollama","choices":[{"index":0,"message":{"role":"assistant",
    "content":"","reasoning":"I need it.","tool_calls":[{"id":"call_1","index":0,
    "type":"function","function":{"name":"ls","arguments":"{\\"a\\":1}"}}]},
    "finish_reason":"tool_calls"}],"usage":{"prompt_tokens":37,"completion_tokens":103,
    "total_tokens":140},"_debug_info":{"rendered_template":"x"}}""",
    (Reasoning("I need it."), ToolCall("call_1", "ls", '{"a":1}')),
    Usage(prompt_tokens=37, completion_tokens=103, total_tokens=140),
    ("choices.message.reasoning", "choices.message.content", "choices.message.tool_calls.index"),
)
# DeepSeek API reference, "Create chat completion", and its guide to context caching
DEEPSEEK = Whole(
    """{"id":"a3d182fe","object":"chat.completion","created":1739000000,"model":"deepseek-reasoner",
    "choices":[{"index":0,"message":{"role":"assistant","content":"9.8 is larger.",
    "reasoning_content":"Compare decimals."},"logprobs":null,"finish_reason":"stop"}],"usage":{
    "prompt_tokens":20,"completion_tokens":30,"total_tokens":50,"prompt_cache_hit_tokens":16,
    "prompt_cache_miss_tokens":4,"completion_tokens_details":{"reasoning_tokens":22}},
    "system_fingerprint":"fp_x"}""",
    (Reasoning("Compare decimals."), Text("9.8 is larger.")),
    Usage(
        prompt_tokens=20,
        completion_tokens=30,
        total_tokens=50,
        cached_tokens=16,
        reasoning_tokens=22,
    ),
)
# OpenRouter API reference: NonStreamingChoice, reasoning tokens, usage accounting
OPENROUTER = Whole(
    """{"id":"gen-1","provider":"OpenAI","model":"openai/o3-mini","object":"chat.completion",
    "created":1735317796,"choices":[{"logprobs":null,"finish_reason":"stop",
    "native_finish_reason":"completed","index":0,"message":{"role":"assistant",
    "content":"final answer","refusal":null,"reasoning":"step 1","reasoning_details":[
    {"type":"reasoning.encrypted","data":"zz","format":"openai-responses-v1","index":0}]}}],
    "system_fingerprint":"fp_5","usage":{"prompt_tokens":100,"completion_tokens":40,
    "total_tokens":140,"cost":0.003,"is_byok":false,"cost_details":{"upstream_inference_cost":
    null},"prompt_tokens_details":{"cached_tokens":10,"cache_write_tokens":5,"audio_tokens":0},
    "completion_tokens_details":{"reasoning_tokens":22,"image_tokens":0}}}""",
    (Reasoning("step 1"), Text("final answer")),
    Usage(
        prompt_tokens=100,
        completion_tokens=40,
        total_tokens=140,
        cached_tokens=10,
        cache_write_tokens=5,
        reasoning_tokens=22,
    ),
    ("choices.message.reasoning",),
)
# Groq API reference and the types of the groq package: x_groq, times in usage
GROQ = Whole(
    """{"id":"chatcmpl-a7","object":"chat.completion","created":1791297846,"model":"qwen3",
    "choices":[{"index":0,"message":{"role":"assistant","content":"ok","reasoning":"short",
    "executed_tools":[{"index":0,"type":"search","arguments":"{}","output":"o"}]},
    "logprobs":null,"finish_reason":"stop"}],"usage":{"queue_time":0.0521354,"prompt_tokens":18,
    "prompt_time":0.0007,"completion_tokens":5,"completion_time":0.46,"total_tokens":23,
    "total_time":0.46},"usage_breakdown":{"models":[{"model":"qwen3","usage":{"prompt_tokens":18,
    "completion_tokens":5,"total_tokens":23}}]},"system_fingerprint":"fp_179b0f92c9",
    "x_groq":{"id":"req_01m48tq","seed":1321871292},"service_tier":"on_demand"}""",
    (Reasoning("short"), Text("ok")),
    Usage(prompt_tokens=18, completion_tokens=5, total_tokens=23),
    ("choices.message.reasoning",),
)
# Mistral API reference: AssistantMessage with ContentChunks; the types of the mistralai package
MISTRAL = Whole(
    """{"id":"cmpl-e5","object":"chat.completion","model":"magistral-medium","created":1702256327,
    "usage":{"prompt_tokens":16,"completion_tokens":34,"total_tokens":50,
    "prompt_audio_seconds":{"a":1}},"choices":[{"index":0,"message":{"role":"assistant",
    "tool_calls":null,"prefix":false,"content":[{"type":"thinking","thinking":[{"type":"text",
    "text":"First "},{"type":"text","text":"then."}],"closed":true,"signature":null},
    {"type":"text","text":"See "},{"type":"reference","reference_ids":[1,"doc"]},
    {"type":"text","text":"there."}]},"finish_reason":"stop"}]}""",
    (
        Reasoning("First then."),
        Text("See "),
        Opaque("openai_chat", {"type": "reference", "reference_ids": [1, "doc"]}),
        Text("there."),
    ),
    Usage(prompt_tokens=16, completion_tokens=34, total_tokens=50),
    ("choices.message.content",),
)
# xAI API reference: reasoning is counted beside the completion
XAI = Whole(
    """{"id":"a3d1","object":"chat.completion","created":1752854522,"model":"grok-4","choices":[
    {"index":0,"message":{"role":"assistant","content":"101*3 is 303.","refusal":null},
    "finish_reason":"stop"}],"usage":{"prompt_tokens":32,"completion_tokens":9,"total_tokens":135,
    "prompt_tokens_details":{"text_tokens":32,"audio_tokens":0,"image_tokens":0,
    "cached_tokens":6},"completion_tokens_details":{"reasoning_tokens":94,"audio_tokens":0},
    "num_sources_used":0},"system_fingerprint":"fp_3a7881249c"}""",
    (Text("101*3 is 303."),),
    Usage(
        prompt_tokens=32,
        completion_tokens=103,
        total_tokens=135,
        cached_tokens=6,
        reasoning_tokens=94,
    ),
    ("usage.completion_tokens",),
)
# Gemini API, "OpenAI compatibility": thought signatures in extra_content
GEMINI = Whole(
    """{"choices":[{"finish_reason":"tool_calls","index":0,"message":{"role":"assistant",
    "tool_calls":[{"extra_content":{"google":{"thought_signature":"sig"}},"function":{
    "arguments":"{}","name":"f"},"id":"function-call-1","type":"function"}]}}],
    "created":1757000000,"id":"x","model":"gemini-3","object":"chat.completion","usage":{
    "completion_tokens":18,"prompt_tokens":46,"total_tokens":64}}""",
    (
        ToolCall(
            "function-call-1",
            "f",
            "{}",
            {"openai_chat": {"extra_content": {"google": {"thought_signature": "sig"}}}},
        ),
    ),
    Usage(prompt_tokens=46, completion_tokens=18, total_tokens=64),
)
WHOLE = {
    "OpenAI": OPENAI,
    "OpenAI audio": OPENAI_AUDIO,
    "Azure": AZURE,
    "vLLM": VLLM,
    "llama.cpp": LLAMA_CPP,
    "Ollama": OLLAMA,
    "DeepSeek": DEEPSEEK,
    "OpenRouter": OPENROUTER,
    "Groq": GROQ,
    "Mistral": MISTRAL,
    "xAI": XAI,
    "Gemini": GEMINI,
}


@pytest.mark.parametrize("case", WHOLE.values(), ids=WHOLE.keys())
def test_an_answer_is_read_without_loss(case: Whole) -> None:
    body = case.body.encode()
    response = WIRE.decode(body)
    assert response.message.content == case.message
    assert response.usage is not None
    assert msgspec.structs.replace(response.usage, extra={}) == case.usage
    told, kept = msgspec.json.decode(body), msgspec.json.decode(FACE.write(response))
    assert set(lost(told, kept)) == set(case.moved)
    assert WIRE.decode(FACE.write(response)) == response


def test_the_search_for_losses_finds_them() -> None:
    told = {"a": 1, "b": {"c": [1, {"d": 2}]}, "e": None}
    assert lost(told, told) == []
    assert lost(told, {"a": 2, "b": {"c": [1, {}]}}) == ["a", "b.c.d"]
    assert lost({"a": [1, 2]}, {"a": [1]}) == ["a"]


# Streams


def stream(text: str) -> list[Event]:
    """The events of a body, whose lines stand one an event."""
    framer, reader = WIRE.framer(), WIRE.reader()
    body = "\n\n".join(line.strip() for line in text.strip().splitlines()) + "\n\n"
    return [event for frame in framer.feed(body.encode()) for event in reader.feed(frame)]


def rewritten(events: list[Event]) -> Response:
    """What a caller reads of a stream that we pass on."""
    writer = FACE.writer(Head(model="m", stream=True, include_usage=True))
    body = b"".join([writer.event(event) for event in events])
    reader = WIRE.reader()
    return fold([event for frame in WIRE.framer().feed(body) for event in reader.feed(frame)])


def check(events: list[Event], *parts: Any, finish: str = "stop") -> Response:
    """The stream begins once, is whole, and survives being passed on."""
    response = fold(events)
    assert [type(event) for event in events].count(Start) == 1
    assert type(events[0]) is Start
    assert response.message.content == parts
    assert response.finish_reason == finish
    assert rewritten(events) == response
    return response


# OpenAI API reference, "Chat completion chunk": obfuscation, usage null until the last chunk
def test_openai_stream() -> None:
    top = '"id":"c","object":"chat.completion.chunk","created":1694268190,"model":"gpt-4o-mini",'
    top += '"service_tier":"default","system_fingerprint":"fp_44"'
    events = stream(f"""
    data: {{{top},"choices":[{{"index":0,"delta":{{"role":"assistant","content":"","refusal":null}},"logprobs":null,"finish_reason":null}}],"usage":null,"obfuscation":"a8"}}
    data: {{{top},"choices":[{{"index":0,"delta":{{"content":"Hello"}},"logprobs":null,"finish_reason":null}}],"usage":null,"obfuscation":"Lw0"}}
    data: {{{top},"choices":[{{"index":0,"delta":{{}},"logprobs":null,"finish_reason":"stop"}}],"usage":null,"obfuscation":"x"}}
    data: {{{top},"choices":[],"usage":{{"prompt_tokens":9,"completion_tokens":1,"total_tokens":10}},"obfuscation":""}}
    data: [DONE]
    """)  # noqa: E501 - one event a line, as it comes
    response = check(events, Text("Hello"))
    assert (response.id, response.created, response.model) == ("c", 1694268190, "gpt-4o-mini")
    assert response.extra == {
        "openai_chat": {"service_tier": "default", "system_fingerprint": "fp_44"}
    }
    assert len(events) == 4


# The types of the openai package: ChoiceDeltaAudio
def test_openai_audio_stream() -> None:
    events = stream("""
    data: {"id":"c","choices":[{"index":0,"delta":{"role":"assistant","audio":{"id":"audio_1","transcript":"Hel"}}}]}
    data: {"id":"c","choices":[{"index":0,"delta":{"audio":{"id":"audio_1","transcript":"lo","data":"AAAA"}}}]}
    data: {"id":"c","choices":[{"index":0,"delta":{"audio":{"data":"BBBB"}}}]}
    data: {"id":"c","choices":[{"index":0,"delta":{"audio":{"expires_at":9}},"finish_reason":"stop"}]}
    """)  # noqa: E501 - one event a line, as it comes
    response = check(events)
    assert response.message.extra["openai_chat"] == {
        "audio": {"id": "audio_1", "transcript": "Hello", "data": "AAAABBBB", "expires_at": 9}
    }


# Azure OpenAI, "Content streaming": the sample response stream of the asynchronous filter
def test_azure_stream_with_asynchronous_filter() -> None:
    events = stream("""
    data: {"id":"","object":"","created":0,"model":"","prompt_filter_results":[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}}}],"choices":[],"usage":null}
    data: {"id":"chatcmpl-7rC","object":"chat.completion.chunk","created":1692913344,"model":"gpt-35-turbo","choices":[{"index":0,"finish_reason":null,"delta":{"role":"assistant"}}],"usage":null}
    data: {"id":"chatcmpl-7rC","object":"chat.completion.chunk","created":1692913344,"model":"gpt-35-turbo","choices":[{"index":0,"finish_reason":null,"delta":{"content":"Color"}}],"usage":null}
    data: {"id":"","object":"","created":0,"model":"","choices":[{"index":0,"finish_reason":null,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}},"content_filter_offsets":{"check_offset":44,"start_offset":44,"end_offset":198}}],"usage":null}
    data: {"id":"chatcmpl-7rC","object":"chat.completion.chunk","created":1692913344,"model":"gpt-35-turbo","choices":[{"index":0,"finish_reason":"stop","delta":{}}],"usage":null}
    data: {"id":"","object":"","created":0,"model":"","choices":[{"index":0,"finish_reason":null,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}},"content_filter_offsets":{"check_offset":506,"start_offset":44,"end_offset":571}}],"usage":null}
    data: [DONE]
    """)  # noqa: E501 - one event a line, as it comes
    response = check(events, Text("Color"))
    assert (response.id, response.created) == ("chatcmpl-7rC", 1692913344)
    assert "prompt_filter_results" in response.extra["openai_chat"]
    extra = response.choices[0].extra["openai_chat"]
    assert extra["content_filter_offsets"]["check_offset"] == 506


# vLLM, ChatCompletionStreamResponse: nulls everywhere, reasoning, usage in every chunk when asked
def test_vllm_stream() -> None:
    top = '"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"q"'
    events = stream(f"""
    data: {{{top},"choices":[{{"index":0,"delta":{{"role":"assistant","content":""}},"logprobs":null,"finish_reason":null}}],"prompt_token_ids":null,"usage":{{"prompt_tokens":5,"total_tokens":5,"completion_tokens":0}}}}
    data: {{{top},"choices":[{{"index":0,"delta":{{"reasoning":"hm","reasoning_content":"hm"}},"logprobs":null,"finish_reason":null,"token_ids":null}}],"usage":{{"prompt_tokens":5,"total_tokens":6,"completion_tokens":1}}}}
    data: {{{top},"choices":[{{"index":0,"delta":{{"content":"7"}},"logprobs":null,"finish_reason":null,"token_ids":[9]}}],"usage":{{"prompt_tokens":5,"total_tokens":7,"completion_tokens":2}}}}
    data: {{{top},"choices":[{{"index":0,"delta":{{"content":""}},"logprobs":null,"finish_reason":"stop","stop_reason":"END","token_ids":[10]}}]}}
    data: {{{top},"choices":[],"usage":{{"prompt_tokens":5,"total_tokens":8,"completion_tokens":3}}}}
    data: [DONE]
    """)  # noqa: E501 - one event a line, as it comes
    response = check(events, Reasoning("hm"), Text("7"))
    assert response.usage == Usage(prompt_tokens=5, completion_tokens=3, total_tokens=8)
    assert response.choices[0].extra["openai_chat"] == {"token_ids": [9, 10], "stop_reason": "END"}


# vLLM, serving.py: create_streaming_error_response, now and before it had an envelope
@pytest.mark.parametrize(
    "frame",
    [
        b'{"error":{"message":"maximum context length is 4096 tokens","type":"BadRequestError",'
        b'"param":null,"code":400}}',
        b'{"object":"error","message":"maximum context length is 4096 tokens",'
        b'"type":"BadRequestError","param":null,"code":400}',
    ],
)
def test_vllm_error_in_band(frame: bytes) -> None:
    with pytest.raises(ContextLengthError, match="4096 tokens"):
        WIRE.reader().feed(frame)


# llama.cpp, server-task.cpp: to_json_oaicompat_chat_stream; timings beside the usage
def test_llama_cpp_stream() -> None:
    events = stream("""
    data: {"choices":[{"finish_reason":null,"index":0,"delta":{"role":"assistant","content":null}}],"created":1758777189,"id":"chatcmpl-L2","model":"m","system_fingerprint":"b6510","object":"chat.completion.chunk"}
    data: {"choices":[{"finish_reason":null,"index":0,"delta":{"reasoning_content":"Okay"}}],"created":1758777189,"id":"chatcmpl-L2","model":"m","system_fingerprint":"b6510","object":"chat.completion.chunk"}
    data: {"choices":[{"finish_reason":null,"index":0,"delta":{"content":"180"}}],"created":1758777190,"id":"chatcmpl-L2","model":"m","system_fingerprint":"b6510","object":"chat.completion.chunk"}
    data: {"choices":[{"finish_reason":"stop","index":0,"delta":{}}],"created":1758777191,"id":"chatcmpl-L2","model":"m","system_fingerprint":"b6510","object":"chat.completion.chunk"}
    data: {"choices":[],"created":1758777191,"id":"chatcmpl-L2","model":"m","system_fingerprint":"b6510","object":"chat.completion.chunk","usage":{"completion_tokens":61,"prompt_tokens":1350,"total_tokens":1411},"timings":{"cache_n":1100,"prompt_n":250,"predicted_per_second":38.0}}
    data: [DONE]
    """)  # noqa: E501 - one event a line, as it comes
    response = check(events, Reasoning("Okay"), Text("180"))
    assert response.extra["openai_chat"]["timings"]["cache_n"] == 1100
    assert response.usage is not None
    assert response.usage.total_tokens == 1411


# Ollama, openai.go: ToChunk; a tool call comes whole, and "stop" became "tool_calls" for it
def test_ollama_stream() -> None:
    events = stream("""
    data: {"id":"chatcmpl-304","object":"chat.completion.chunk","created":1744521962,"model":"qwen","system_fingerprint":"fp_ollama","choices":[{"index":0,"delta":{"role":"assistant","content":"","reasoning":"I look."},"finish_reason":null}]}
    data: {"id":"chatcmpl-304","object":"chat.completion.chunk","created":1744521962,"model":"qwen","system_fingerprint":"fp_ollama","choices":[{"index":0,"delta":{"role":"assistant","content":"","tool_calls":[{"id":"call_1","index":0,"type":"function","function":{"name":"ls","arguments":"{\\"a\\":1}"}},{"id":"call_2","index":0,"type":"function","function":{"name":"ls","arguments":"{}"}}]},"finish_reason":null}]}
    data: {"id":"chatcmpl-304","object":"chat.completion.chunk","created":1744521963,"model":"qwen","system_fingerprint":"fp_ollama","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":"tool_calls"}]}
    data: {"id":"chatcmpl-304","object":"chat.completion.chunk","created":1744521963,"model":"qwen","system_fingerprint":"fp_ollama","choices":[],"usage":{"prompt_tokens":17,"completion_tokens":40,"total_tokens":57}}
    data: [DONE]
    """)  # noqa: E501 - one event a line, as it comes
    calls = (ToolCall("call_1", "ls", '{"a":1}'), ToolCall("call_2", "ls", "{}"))
    check(events, Reasoning("I look."), *calls, finish="tool_calls")


# DeepSeek API reference, streaming: usage beside the finish, keep-alive comments
def test_deepseek_stream() -> None:
    top = '"id":"1f63","object":"chat.completion.chunk","created":1718345013,'
    top += '"model":"deepseek-reasoner","system_fingerprint":"fp_a"'
    events = stream(f"""
    : keep-alive
    data: {{{top},"choices":[{{"index":0,"delta":{{"role":"assistant","content":null,"reasoning_content":""}},"finish_reason":null,"logprobs":null}}]}}
    data: {{{top},"choices":[{{"index":0,"delta":{{"content":null,"reasoning_content":"Hm"}},"finish_reason":null,"logprobs":null}}]}}
    : keep-alive
    data: {{{top},"choices":[{{"index":0,"delta":{{"content":"9.8","reasoning_content":null}},"finish_reason":null,"logprobs":null}}]}}
    data: {{{top},"choices":[{{"index":0,"delta":{{"content":"","reasoning_content":null}},"finish_reason":"stop","logprobs":null}}],"usage":{{"prompt_tokens":17,"completion_tokens":9,"total_tokens":26,"prompt_tokens_details":{{"cached_tokens":16}},"completion_tokens_details":{{"reasoning_tokens":4}},"prompt_cache_hit_tokens":16,"prompt_cache_miss_tokens":1}}}}
    data: [DONE]
    """)  # noqa: E501 - one event a line, as it comes
    usage = check(events, Reasoning("Hm"), Text("9.8")).usage
    assert usage is not None
    assert (usage.cached_tokens, usage.reasoning_tokens) == (16, 4)
    assert usage.extra == {
        "openai_chat": {"prompt_cache_hit_tokens": 16, "prompt_cache_miss_tokens": 1}
    }


# OpenRouter API reference, "Streaming" (comments, errors in mid-stream) and "Reasoning tokens"
_ROUTED = '"id":"gen-1","provider":"OpenAI","model":"openai/gpt-4o","created":1,'


def test_openrouter_stream() -> None:
    events = stream(f"""
    : OPENROUTER PROCESSING
    : OPENROUTER PROCESSING
    data: {{{_ROUTED}"choices":[{{"index":0,"delta":{{"role":"assistant","content":"","reasoning":"a","reasoning_details":[{{"type":"reasoning.text","text":"a","index":0}}]}},"finish_reason":null,"native_finish_reason":null,"logprobs":null}}]}}
    data: {{{_ROUTED}"choices":[{{"index":0,"delta":{{"role":"assistant","content":"","reasoning":null,"reasoning_details":[{{"type":"reasoning.encrypted","data":"zz","index":1}}]}},"finish_reason":null}}]}}
    data: {{{_ROUTED}"choices":[{{"index":0,"delta":{{"role":"assistant","content":"b"}},"finish_reason":null}}]}}
    data: {{{_ROUTED}"choices":[{{"index":0,"delta":{{"role":"assistant","content":""}},"finish_reason":"stop","native_finish_reason":"completed"}}]}}
    data: {{{_ROUTED}"choices":[{{"index":0,"delta":{{"role":"assistant","content":""}},"finish_reason":null}}],"usage":{{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5,"cost":0.0001}}}}
    data: [DONE]
    """)  # noqa: E501 - one event a line, as it comes
    response = check(events, Reasoning("a"), Text("b"))
    details = response.message.extra["openai_chat"]["reasoning_details"]
    assert [piece["type"] for piece in details] == ["reasoning.text", "reasoning.encrypted"]
    assert response.extra == {"openai_chat": {"provider": "OpenAI"}}
    assert response.choices[0].extra == {"openai_chat": {"native_finish_reason": "completed"}}
    assert response.usage is not None
    assert response.usage.extra == {"openai_chat": {"cost": 0.0001}}


@pytest.mark.parametrize(
    "more",
    [
        '"error":{"code":"server_error","message":"Provider disconnected unexpectedly"},'
        '"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]',
        '"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error",'
        '"error":{"code":502,"message":"Provider disconnected unexpectedly"}}]',
    ],
)
def test_openrouter_error_in_mid_stream(more: str) -> None:
    with pytest.raises(ProviderError, match="Provider disconnected unexpectedly"):
        WIRE.reader().feed(f"{{{_ROUTED}{more}}}".encode())


# OpenRouter API reference, "Errors": a 200 whose body is an error
def test_openrouter_error_in_a_200() -> None:
    with pytest.raises(ProviderError, match="down") as caught:
        WIRE.decode(b'{"error":{"code":502,"message":"model is down","metadata":{"a":1}}}')
    assert caught.value.status == 502


# The types of the groq package: XGroq (usage in the last chunk, error when it stopped early)
def test_groq_stream() -> None:
    top = '"id":"chatcmpl-e7","object":"chat.completion.chunk","created":1,"model":"g",'
    top += '"system_fingerprint":"fp_1"'
    events = stream(f"""
    data: {{{top},"choices":[{{"index":0,"delta":{{"role":"assistant","content":""}},"logprobs":null,"finish_reason":null}}],"x_groq":{{"id":"req_01"}}}}
    data: {{{top},"choices":[{{"index":0,"delta":{{"content":"hi"}},"logprobs":null,"finish_reason":null}}]}}
    data: {{{top},"choices":[{{"index":0,"delta":{{}},"logprobs":null,"finish_reason":"stop"}}],"x_groq":{{"id":"req_01","seed":7,"usage":{{"queue_time":0.06,"prompt_tokens":18,"completion_tokens":4,"total_tokens":22}}}}}}
    data: [DONE]
    """)  # noqa: E501 - one event a line, as it comes
    response = check(events, Text("hi"))
    assert response.usage is not None
    assert response.usage.total_tokens == 22
    assert response.usage.extra == {"openai_chat": {"queue_time": 0.06}}
    assert response.extra["openai_chat"]["x_groq"]["seed"] == 7


def test_groq_stopped_early() -> None:
    with pytest.raises(Fault, match="over capacity"):
        WIRE.reader().feed(
            b'{"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],'
            b'"x_groq":{"id":"req_01","error":"over capacity"}}'
        )


# Mistral, "Reasoning": thinking arrives as a list of chunks, the answer as one and as strings;
# JSON output begins with an empty reference
def test_mistral_stream() -> None:
    events = stream("""
    data: {"id":"s1","object":"chat.completion.chunk","created":1,"model":"magistral","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}
    data: {"id":"s1","object":"chat.completion.chunk","created":1,"model":"magistral","choices":[{"index":0,"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"First "}]}]},"finish_reason":null}]}
    data: {"id":"s1","object":"chat.completion.chunk","created":1,"model":"magistral","choices":[{"index":0,"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"then."}],"closed":true},{"type":"text","text":"See"}]},"finish_reason":null}]}
    data: {"id":"s1","object":"chat.completion.chunk","created":1,"model":"magistral","choices":[{"index":0,"delta":{"content":[{"type":"reference","reference_ids":[1,"doc"]},{"type":"text","text":" there"}]},"finish_reason":null}]}
    data: {"id":"s1","object":"chat.completion.chunk","created":1,"model":"magistral","choices":[{"index":0,"delta":{"content":"."},"finish_reason":"stop"}],"usage":{"prompt_tokens":16,"total_tokens":50,"completion_tokens":34}}
    data: [DONE]
    """)  # noqa: E501 - one event a line, as it comes
    reference = Opaque("openai_chat", {"type": "reference", "reference_ids": [1, "doc"]})
    check(events, Reasoning("First then."), Text("See there."), reference)


def test_mistral_signature_is_kept_where_there_is_no_word_for_it() -> None:
    signed = {
        "type": "thinking",
        "thinking": [{"type": "text", "text": "then."}],
        "signature": "sig",
    }
    body = {"choices": [{"delta": {"content": [signed]}, "finish_reason": "stop"}]}
    events = list(WIRE.reader().feed(msgspec.json.encode(body)))
    check(events, Opaque("openai_chat", signed))
    whole = {"choices": [{"message": {"content": [signed]}, "finish_reason": "stop"}]}
    assert WIRE.decode(msgspec.json.encode(whole)).message == fold(events).message


# Mistral API reference: finish_reason may be "error"
def test_mistral_finish_with_an_error() -> None:
    with pytest.raises(ProviderError, match="ended the answer with an error"):
        WIRE.decode(b'{"choices":[{"message":{"content":"ha"},"finish_reason":"error"}]}')


# Gemini's endpoint gives all parallel calls index 0 (NousResearch/hermes-agent#62937); vLLM once
# gave every piece of one call an id of its own (DeltaToolCall's default factory)
def _calls(*pieces: dict[str, Any]) -> tuple[tuple[str, str, str], ...]:
    reader, events = WIRE.reader(), list[Event]()
    for piece in pieces:
        body = {"id": "c", "choices": [{"index": 0, "delta": {"tool_calls": [piece]}}]}
        events += reader.feed(msgspec.json.encode(body))
    return tuple((call.id, call.name, call.arguments) for call in fold(events).tool_calls)


def _piece(arguments: Any, name: str | None = None, **fields: Any) -> dict[str, Any]:
    function = {"arguments": arguments} | ({"name": name} if name is not None else {})
    return {"function": function, **fields}


@pytest.mark.parametrize(
    ("pieces", "calls"),
    [
        pytest.param(
            [_piece("{}", "f", index=0, id="a"), _piece("{}", "f", index=0, id="b")],
            (("a", "f", "{}"), ("b", "f", "{}")),
            id="all at index 0",
        ),
        pytest.param(
            [
                _piece("", "f", index=0, id="a"),
                _piece("{", index=0, id="x1"),
                _piece("}", index=0, id="x2"),
            ],
            (("a", "f", "{}"),),
            id="an id for every piece",
        ),
        pytest.param(
            [_piece("{", "f", index=0, id="a"), _piece("}", "f", index=0, id="a")],
            (("a", "f", "{}"),),
            id="id and name with every piece",
        ),
        pytest.param(
            [_piece("{", "f", id="a"), _piece("}"), _piece("{", "g", id="b"), _piece("}", id="b")],
            (("a", "f", "{}"), ("b", "g", "{}")),
            id="no index",
        ),
        pytest.param(
            [_piece("{}", "f"), _piece("{}", "g")],
            (("call_c_0_0", "f", "{}"), ("call_c_0_1", "g", "{}")),
            id="neither index nor id",
        ),
        pytest.param(
            [_piece("{}", "f", index=0, id=""), _piece("{}", "g", index=1, id="")],
            (("call_c_0_0", "f", "{}"), ("call_c_0_1", "g", "{}")),
            id="empty ids",
        ),
        pytest.param(
            [_piece("{}", "f", index=0, id="a"), _piece("{}", "f", index=1, id="a")],
            (("a", "f", "{}"), ("call_c_0_1", "f", "{}")),
            id="one id twice",
        ),
        pytest.param(
            [_piece({"a": 1}, "f", index=0, id="a")],
            (("a", "f", '{"a":1}'),),
            id="arguments as an object",
        ),
        pytest.param(
            [_piece(None, "f", index=0, id="a"), _piece("{}", None, index=0)],
            (("a", "f", "{}"),),
            id="nulls",
        ),
        pytest.param(
            [_piece("{", "f", index=1, id="a"), _piece("1", "g", index=0, id="b"),
             _piece("}", index=1)],
            (("b", "g", "1"), ("a", "f", "{}")),
            id="interleaved and out of order",
        ),
    ],
)  # fmt: skip
def test_tool_calls_are_told_apart_whatever_a_server_leaves_out(pieces: Any, calls: Any) -> None:
    assert _calls(*pieces) == calls


def test_a_whole_answer_with_arguments_as_an_object() -> None:
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": {"x": [1]}}}
    body = {"choices": [{"message": {"tool_calls": [call]}}]}
    assert WIRE.decode(msgspec.json.encode(body)).tool_calls == (ToolCall("a", "f", '{"x":[1]}'),)


# The types of the openai package: a custom tool's call; Moonshot's builtin_function
def test_calls_of_other_kinds_are_calls() -> None:
    calls = [
        {"id": "a", "type": "custom", "custom": {"name": "sql", "input": "select 1"}},
        {"id": "b", "type": "builtin_function", "function": {"name": "$web", "arguments": "{}"}},
        {"id": "c", "type": "mcp", "server": "s"},
    ]
    body = {"choices": [{"message": {"role": "assistant", "tool_calls": calls}}]}
    message = WIRE.decode(msgspec.json.encode(body)).message
    assert [(c.name, c.arguments) for c in message.tool_calls] == [
        ("sql", "select 1"), ("$web", "{}"), ("", "{}"),
    ]  # fmt: skip
    written = msgspec.json.decode(FACE.write(WIRE.decode(msgspec.json.encode(body))))
    assert written["choices"][0]["message"]["tool_calls"] == calls


def test_an_answer_of_a_server_that_says_nothing() -> None:
    # Ollama when it lost its model: a zero time, an empty role, no finish
    body = b"""{"id":"chatcmpl-202","object":"chat.completion","created":-62135596800,"model":"",
    "system_fingerprint":"fp_ollama","choices":[{"index":0,"message":{"role":"","content":""},
    "finish_reason":null}],"usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}}"""
    response = WIRE.decode(body)
    assert response.message == Message("assistant")
    assert (response.created, response.finish_reason) == (0, None)


def test_an_empty_finish_reason_is_none() -> None:
    # Gateways that write "" until there is one
    frame = b'{"id":"c","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":""}]}'
    assert [type(event).__name__ for event in WIRE.reader().feed(frame)] == ["Start", "TextDelta"]
    body = b'{"choices":[{"message":{"content":"a"},"finish_reason":""}]}'
    assert WIRE.decode(body).finish_reason is None


@pytest.mark.parametrize("frame", [b"", b" ", b"\t"])
def test_an_empty_event_keeps_a_connection_alive_and_no_more(frame: bytes) -> None:
    assert list(WIRE.reader().feed(frame)) == []
