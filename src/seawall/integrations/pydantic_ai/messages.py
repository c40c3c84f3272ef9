"""From pydantic-ai's messages to ours."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from typing import cast

from pydantic_ai.exceptions import UserError
from pydantic_ai.messages import (
    ERROR_OUTCOMES,
    BinaryContent,
    CachePoint,
    ImageUrl,
    InstructionPart,
    ModelMessage,
    ModelRequest,
    ModelResponse,
    SystemPromptPart,
    TextContent,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolReturnPart,
    UserContent,
    UserPromptPart,
)

from ...types import Image, Message, Opaque, Part, Reasoning, Text, ToolCall, ToolResult
from ..keeping import kept

__all__ = ["SYSTEM", "read_messages"]

#: The provider's name in pydantic-ai's records, and where a response's details hold what
#: pydantic-ai has no words for.
SYSTEM = "seawall"


def read_messages(
    messages: Sequence[ModelMessage], instructions: Sequence[InstructionPart]
) -> list[Message]:
    """Raises ``UserError`` naming a part that cannot be said. Instructions follow the system
    prompts at the beginning."""
    turns: list[Message] = []
    for message in messages:
        if isinstance(message, ModelRequest):
            turns.extend(_request(message))
        else:
            turns.append(_answer(message))
    first = next((n for n, turn in enumerate(turns) if turn.role != "system"), len(turns))
    turns[first:first] = [Message("system", (Text(part.content),)) for part in instructions]
    return turns


def _request(request: ModelRequest) -> Iterable[Message]:
    files: list[UserContent] = []
    for part in request.parts:
        if isinstance(part, SystemPromptPart):
            yield Message("system", (Text(part.content),))
        elif isinstance(part, UserPromptPart):
            yield Message("user", tuple(_contents(part.content)))
        elif isinstance(part, ToolReturnPart):
            text, more = part.model_response_str_and_user_content(wrap_if_error=False)
            files.extend(more)
            failed = part.outcome in ERROR_OUTCOMES
            yield Message("tool", (ToolResult(part.tool_call_id, (Text(text),), failed),))
        else:
            raise UserError(
                f"a {type(part).__name__} cannot be said to a model; "
                "give messages through model.prepare_messages(), as an Agent does"
            )
    if files:
        yield Message("user", tuple(_contents(files)))


def _contents(content: str | Sequence[UserContent]) -> Iterable[Part]:
    for item in [content] if isinstance(content, str) else content:
        # A cache point marks a place and says nothing.
        if not isinstance(item, CachePoint):
            yield _content(item)


def _content(item: UserContent) -> Part:
    if isinstance(item, str):
        return Text(item)
    if isinstance(item, TextContent):
        return Text(item.content)
    if isinstance(item, ImageUrl) and not item.force_download:
        return Image(url=item.url, media_type=item.media_type)
    if isinstance(item, BinaryContent):
        return _bytes(item)
    raise UserError(f"a {type(item).__name__} cannot be said; give text, an image or bytes")


def _bytes(item: BinaryContent) -> Part:
    data = base64.b64encode(item.data).decode()
    if item.is_image:
        return Image(data=data, media_type=item.media_type)
    if item.is_audio:
        audio = {"data": data, "format": item.format}
        return Opaque("openai_chat", {"type": "input_audio", "input_audio": audio})
    file = {"filename": item.identifier, "file_data": f"data:{item.media_type};base64,{data}"}
    return Opaque("openai_chat", {"type": "file", "file": file})


def _answer(response: ModelResponse) -> Message:
    calls = [part for part in response.parts if isinstance(part, ToolCallPart)]
    text = "".join(part.content for part in response.parts if isinstance(part, TextPart))
    ids = [call.tool_call_id for call in calls]
    stored = (response.provider_details or {}).get(SYSTEM)
    known = kept(stored, text, ids) if response.provider_name == SYSTEM else None
    if known is not None:
        return known
    thoughts = [
        Reasoning(part.content, part.signature)
        for part in response.parts
        if isinstance(part, ThinkingPart)
    ]
    said = (Text(text),) if text else ()
    asked = [ToolCall(c.tool_call_id, c.tool_name, c.args_as_json_str()) for c in calls]
    return Message("assistant", cast("tuple[Part, ...]", (*thoughts, *said, *asked)))
