"""The official openai package's own types accept everything we write."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat.completion_create_params import CompletionCreateParams
from openai_chat_strategies import LAW, counts, filled, objects, texts, usages
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from seawall.dialects.openai_chat import FACE, WIRE
from seawall.folding import fold, unfold
from seawall.framing.sse import SSE
from seawall.ports import Head, Quirks
from seawall.types import (
    Choice,
    Event,
    Format,
    Image,
    Message,
    Opaque,
    Refusal,
    Request,
    Response,
    Text,
    TextDelta,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)

# Requests: fields that the package does not know are errors, at every depth

_params = TypeAdapter[Any](CompletionCreateParams, config=ConfigDict(extra="forbid"))


def accepted(body: bytes) -> None:
    """Raises ``ValidationError`` unless the package's parameter types accept ``body``."""
    _consume(_params.validate_python(msgspec.json.decode(body)))


def _consume(value: Any) -> None:
    """pydantic checks an ``Iterable`` as it is read."""
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, (list, Iterator)):
        return
    for item in value:
        _consume(item)


_SOUND = {"data": "A", "format": "wav"}
_AUDIO = Opaque("openai_chat", {"type": "input_audio", "input_audio": _SOUND})
_FILE = Opaque("openai_chat", {"type": "file", "file": {"file_id": "file-1"}})
_CUSTOM = Opaque("openai_chat", {"type": "custom", "custom": {"name": "sql"}})

_text_parts = st.just(()) | st.lists(texts.map(Text), min_size=1, max_size=3).map(tuple)
_images = st.sampled_from(
    (
        Image(url="https://example.test/a.png"),
        Image(data="AA==", media_type="image/png", detail="low"),
    )
)
_user_parts = st.lists(
    texts.map(Text) | _images | st.sampled_from((_AUDIO, _FILE)), max_size=3
).map(tuple)
_names = st.none() | texts


@st.composite
def _calls(draw: st.DrawFn, custom: bool = True) -> ToolCall:
    kinds = ({}, {"openai_chat": {"type": "custom"}}) if custom else ({},)
    return ToolCall(draw(filled), draw(filled), draw(texts), draw(st.sampled_from(kinds)))


@st.composite
def _messages(draw: st.DrawFn) -> Message:
    role = draw(st.sampled_from(("system", "developer", "user", "assistant", "tool")))
    if role == "tool":
        return Message("tool", (ToolResult(draw(filled), draw(_text_parts)),))
    if role == "user":
        return Message("user", draw(_user_parts), draw(_names))
    parts = draw(_text_parts)
    if role == "assistant":
        parts += tuple(map(Refusal, draw(st.lists(filled, max_size=1))))
        parts += tuple(draw(st.lists(_calls(), max_size=2)))
    return Message(role, parts, draw(_names))


_requests = st.builds(
    Request,
    model=texts,
    messages=st.lists(_messages(), max_size=4).map(tuple),
    tools=st.lists(
        st.just(_CUSTOM)
        | st.builds(
            Tool,
            name=filled,
            description=st.none() | texts,
            parameters=st.none() | objects,
            strict=st.none() | st.booleans(),
        ),
        max_size=2,
    ).map(tuple),
    tool_choice=st.none()
    | st.sampled_from((ToolChoice("auto"), ToolChoice("required"), ToolChoice("tool", "f"))),
    parallel_tool_calls=st.none() | st.booleans(),
    format=st.sampled_from(
        (
            None,
            Format(type="text"),
            Format(type="json_object"),
            Format(type="json_schema", name="n", schema={"type": "object"}, strict=True),
        )
    ),
    temperature=st.none() | st.floats(0, 2),
    top_p=st.none() | st.floats(0, 1),
    max_tokens=st.none() | counts,
    stop=st.lists(texts, max_size=3).map(tuple),
    seed=st.none() | counts,
    n=st.none() | counts,
    presence_penalty=st.none() | st.floats(-2, 2),
    frequency_penalty=st.none() | st.floats(-2, 2),
    logprobs=st.none() | st.booleans(),
    top_logprobs=st.none() | counts,
    reasoning_effort=st.sampled_from((None, "low", "high")),
    user=st.none() | texts,
    stream=st.booleans(),
)


@LAW
@given(_requests, st.sampled_from(("max_tokens", "max_completion_tokens")))
def test_every_request_is_one_the_package_could_have_sent(request: Request, cap: str) -> None:
    accepted(WIRE.encode(request, Quirks(max_tokens_field=cap)).body)


@pytest.mark.parametrize(
    "body",
    [
        {"model": "m", "messages": [], "x": 1},
        {"model": "m", "messages": [{"role": "user", "content": "a", "x": 1}]},
        {"model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": 1}]}]},
    ],
)
def test_the_check_itself_finds_what_is_wrong(body: Any) -> None:
    with pytest.raises(ValidationError):
        accepted(msgspec.json.encode(body))


# Answers and chunks: strict types, and nothing the models do not know

_tokens = st.builds(
    lambda token, logprob: {
        "token": token,
        "logprob": logprob,
        "bytes": list(token.encode()),
        "top_logprobs": [{"token": token, "logprob": logprob, "bytes": None}],
    },
    texts,
    st.floats(-100, 0),
)
_logprobs = st.none() | st.lists(_tokens, min_size=1, max_size=2).map(
    lambda tokens: {"content": tokens, "refusal": None}
)
_known_usages = usages().map(lambda usage: msgspec.structs.replace(usage, extra={}))


@st.composite
def _responses(draw: st.DrawFn, custom: bool) -> Response:
    choices: list[Choice] = []
    for index in range(draw(st.integers(1, 3))):
        parts = (
            *map(Text, draw(st.lists(filled, max_size=1))),
            *map(Refusal, draw(st.lists(filled, max_size=1))),
            *draw(st.lists(_calls(custom), max_size=3, unique_by=lambda call: call.id)),
        )
        choices.append(
            Choice(
                index=index,
                message=Message("assistant", parts),
                finish_reason=draw(
                    st.sampled_from(("stop", "length", "tool_calls", "content_filter"))
                ),
                # Of tokens there are; the package counts those of a choice that begins with
                # its log probabilities twice.
                logprobs=draw(_logprobs) if parts else None,
            )
        )
    tier = draw(st.sampled_from(({}, {"openai_chat": {"service_tier": "default"}})))
    return Response(
        id=draw(texts),
        model=draw(texts),
        created=draw(counts),
        choices=tuple(choices),
        usage=draw(st.none() | _known_usages),
        extra=tier,
    )


def _unknown_to(model: BaseModel) -> dict[str, Any]:
    """Fields that the package's models keep without knowing them, at every depth."""
    found = dict(model.model_extra or {})
    for _, value in model:
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, BaseModel):
                found |= _unknown_to(item)
    return found


@LAW
@given(_responses(custom=True))
def test_every_answer_is_one_the_package_knows(response: Response) -> None:
    got = ChatCompletion.model_validate_json(FACE.write(response), strict=True)
    assert _unknown_to(got) == {}
    assert [c.finish_reason for c in got.choices] == [c.finish_reason for c in response.choices]
    assert [c.message.content for c in got.choices] == [
        c.message.text or (None if c.message.content else "") for c in response.choices
    ]


def _chunks(events: list[Event]) -> list[ChatCompletionChunk]:
    writer = FACE.writer(Head(model="m", stream=True, include_usage=True))
    body = b"".join([writer.event(event) for event in events])
    check = ChatCompletionChunk.model_validate_json
    return [check(frame, strict=True) for frame in SSE().feed(body)]


@LAW
@given(_responses(custom=False), st.integers(1, 3))
def test_every_stream_is_one_the_package_puts_together(response: Response, size: int) -> None:
    events = [piece for event in unfold(response) for piece in _cut(event, size)]
    state = ChatCompletionStreamState()
    for chunk in _chunks(events):
        assert _unknown_to(chunk) == {}
        list(state.handle_chunk(chunk))
    snapshot = state.current_completion_snapshot
    assert WIRE.decode(snapshot.model_dump_json().encode()) == fold(events) == response


def _cut(event: Event, size: int) -> list[Event]:
    """A text in pieces of ``size``."""
    if type(event) is not TextDelta:
        return [event]
    text = event.text
    return [TextDelta(text[at : at + size], event.choice) for at in range(0, len(text), size)]


def test_an_answer_of_several_texts_is_one_string() -> None:
    message = Message("assistant", (Text("a"), Text("b")))
    response = Response(choices=(Choice(message=message, finish_reason="stop"),))
    got = ChatCompletion.model_validate_json(FACE.write(response), strict=True)
    assert got.choices[0].message.content == "ab"


def test_what_the_package_has_no_type_for_is_written_all_the_same() -> None:
    # The law ends where the package does: an answer in parts (Mistral's references) has no type
    # there. It leaves as it came, because half an answer would be worse.
    reference = Opaque("openai_chat", {"type": "reference", "reference_ids": [1]})
    message = Message("assistant", (Text("a"), reference))
    body = FACE.write(Response(choices=(Choice(message=message, finish_reason="stop"),)))
    with pytest.raises(ValidationError):
        ChatCompletion.model_validate_json(body, strict=True)
    assert WIRE.decode(body).message == message
