"""The official openai package's own types accept everything we write for this dialect."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import openai_chat_strategies as chat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai import omit
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import Response as PackageResponse
from openai.types.responses import ResponseStreamEvent
from openai.types.responses.response_create_params import ResponseCreateParams
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from seawall.dialects.openai_responses import FACE, WIRE
from seawall.errors import StreamCutError
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
    Reasoning,
    Refusal,
    Request,
    Response,
    Text,
    TextDelta,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Usage,
)

LAW = chat.LAW
DIALECT = "openai_responses"
texts, filled, counts = chat.texts, chat.filled, chat.counts

# Requests: fields that the package does not know are errors, at every depth

_params = TypeAdapter[Any](ResponseCreateParams, config=ConfigDict(extra="forbid"))


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


_FILE = Opaque(DIALECT, {"type": "input_file", "file_id": "file-1"})
_REFERENCE = Opaque(DIALECT, {"type": "item_reference", "id": "msg_1"})
_images = st.sampled_from(
    (
        Image(url="https://example.test/a.png"),
        Image(data="AA==", media_type="image/png", detail="low"),
    )
)
_content = st.lists(texts.map(Text) | _images | st.just(_FILE), max_size=3).map(tuple)
_calls = st.builds(ToolCall, filled, filled, texts) | st.builds(
    ToolCall, filled, filled, texts, st.just({DIALECT: {"type": "custom_tool_call"}})
)


@st.composite
def _messages(draw: st.DrawFn) -> Message:
    role = draw(st.sampled_from(("system", "developer", "user", "assistant", "tool")))
    if role == "tool":
        return Message("tool", (ToolResult(draw(filled), draw(_content)),))
    if role != "assistant":
        return Message(role, draw(_content | st.just((_REFERENCE,))))
    said = [*map(Text, draw(st.lists(filled, max_size=1)))]
    thought = [*map(Reasoning, draw(st.lists(filled, max_size=1)))]
    refused = [*map(Refusal, draw(st.lists(filled, max_size=1)))]
    return Message(role, (*thought, *said, *refused, *draw(st.lists(_calls, max_size=2))))


_requests = st.builds(
    Request,
    model=texts,
    messages=st.lists(_messages(), max_size=4).map(tuple),
    tools=st.lists(
        st.just(Opaque(DIALECT, {"type": "custom", "name": "sql"}))
        | st.builds(
            Tool,
            name=filled,
            description=st.none() | texts,
            parameters=st.none() | chat.objects,
            strict=st.none() | st.booleans(),
        ),
        max_size=2,
    ).map(tuple),
    tool_choice=st.sampled_from((None, ToolChoice("auto"), ToolChoice("tool", "f"))),
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
    logprobs=st.sampled_from((None, True)),
    top_logprobs=st.none() | counts,
    reasoning_effort=st.sampled_from((None, "low", "high")),
    user=st.none() | texts,
    stream=st.booleans(),
)


@LAW
@given(_requests)
def test_every_request_is_one_the_package_could_have_sent(request: Request) -> None:
    accepted(WIRE.encode(request, Quirks()).body)


@pytest.mark.parametrize(
    "body",
    [
        {"model": "m", "input": "a", "x": 1},
        {"model": "m", "input": [{"role": "user", "content": "a", "x": 1}]},
        {"model": "m", "input": [{"role": "user", "content": [{"type": "input_text"}]}]},
    ],
)
def test_the_check_itself_finds_what_is_wrong(body: Any) -> None:
    with pytest.raises(ValidationError):
        accepted(msgspec.json.encode(body))


# Answers and events: strict types, and nothing the models do not know

_tokens = st.builds(
    lambda token, given: {
        "token": token,
        "logprob": -0.5,
        "bytes": list(token.encode()) if given else None,
        "top_logprobs": [{"token": token, "logprob": -0.5, "bytes": None}],
    },
    texts,
    st.booleans(),
)
_logprobs = st.none() | st.lists(_tokens, min_size=1, max_size=2).map(
    lambda tokens: {"content": tokens, "refusal": None}
)
_usages = st.none() | st.builds(Usage, prompt_tokens=counts, completion_tokens=counts)


@st.composite
def _responses(draw: st.DrawFn) -> Response:
    parts = (
        *map(Reasoning, draw(st.lists(filled, max_size=1))),
        *map(Text, draw(st.lists(filled, max_size=1))),
        *map(Refusal, draw(st.lists(filled, max_size=1))),
        *draw(st.lists(_calls, max_size=3, unique_by=lambda call: call.id)),
    )
    choice = Choice(
        message=Message("assistant", parts),
        finish_reason=draw(st.sampled_from(("stop", "length", "tool_calls", "content_filter"))),
        logprobs=draw(_logprobs) if any(type(part) is Text for part in parts) else None,
    )
    return Response(
        id=draw(texts),
        model=draw(texts),
        created=draw(counts),
        choices=(choice,),
        usage=draw(_usages),
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
@given(_responses())
def test_every_answer_is_one_the_package_knows(response: Response) -> None:
    got = PackageResponse.model_validate_json(FACE.write(response), strict=True)
    assert _unknown_to(got) == {}
    assert got.output_text == response.text
    reason = {"length": "max_output_tokens"}.get(
        response.finish_reason or "", response.finish_reason
    )
    if got.status == "incomplete":
        assert got.incomplete_details is not None
        assert got.incomplete_details.reason == reason
    else:
        assert reason in ("stop", "tool_calls")


_events = TypeAdapter[Any](ResponseStreamEvent)
#: The package's types know no bytes beside the log probability of a streamed token; the service
#: sends them.
_STREAMED = {"bytes"}


def _written(events: list[Event]) -> list[Any]:
    writer = FACE.writer(Head(model="m", stream=True))
    body = b"".join([writer.event(event) for event in events]) + writer.end()
    return [_events.validate_json(frame, strict=True) for frame in SSE().feed(body)]


@LAW
@given(_responses(), st.integers(1, 3))
def test_every_stream_is_one_the_package_puts_together(response: Response, size: int) -> None:
    events = [piece for event in unfold(response) for piece in _cut(event, size)]
    state = ResponseStreamState[Any](text_format=omit, input_tools=omit)
    told = _written(events)
    for event in told:
        assert _unknown_to(event).keys() <= _STREAMED
        state.handle_event(event)
    assert [event.sequence_number for event in told] == list(range(len(told)))
    last = told[-1].response
    assert last.status == ("completed" if told[-1].type == "response.completed" else "incomplete")
    again = WIRE.decode(last.model_dump_json(by_alias=True).encode())
    assert again.text == fold(events).text == response.text
    assert [call.arguments for call in again.tool_calls] == [
        call.arguments for call in response.tool_calls
    ]
    if last.status == "completed":
        assert state._completed_response is not None
        assert state._completed_response.output_text == response.text


def _cut(event: Event, size: int) -> list[Event]:
    """A text in pieces of ``size``."""
    if type(event) is not TextDelta:
        return [event]
    text = event.text
    return [TextDelta(text[at : at + size], event.choice) for at in range(0, len(text), size)]


def test_an_error_event_is_the_packages_and_has_what_its_client_raises_for() -> None:
    writer = FACE.writer(Head(model="m", stream=True))
    (frame,) = SSE().feed(writer.fault(StreamCutError("the stream was cut")))
    event = _events.validate_json(frame, strict=True)
    assert (event.type, event.message) == ("error", "the stream was cut")
    # The flat event alone would end the stream without a word.
    assert _unknown_to(event).keys() == {"error"}
