"""What the parts of this dialect share: its name, the bag for unknown fields, why answers end.

Source: the Gemini API reference for models.generateContent (v1beta) and the types of the
google-genai package 3.4. The service is Protocol Buffers behind JSON: it takes field names in
camelCase and in snake_case, a lone object where a list belongs, and both alphabets of base64. The
official client makes use of all three, so requests are read that way; answers are camelCase.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, cast

from ...types import Extra
from ..json_values import as_object

__all__ = [
    "DIALECT",
    "MALFORMED",
    "bag",
    "each",
    "own",
    "proto",
    "read_finish",
    "write_finish",
]

DIALECT = "gemini"

#: Reasons of the package's ``FinishReason`` that are a safety system's doing.
_FILTERED = frozenset(
    {
        "SAFETY",
        "RECITATION",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
        "ESCALATION",
        "PUP_LIMITED_DISABLED",
        "MODEL_ARMOR",
    }
)
#: The model wrote what its server could not parse, so there is no answer.
MALFORMED = frozenset({"MALFORMED_FUNCTION_CALL", "MALFORMED_RESPONSE"})

_FINISH = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",
    **dict.fromkeys(_FILTERED, "content_filter"),
}
_REASON = {
    "stop": "STOP",
    "tool_calls": "STOP",
    "function_call": "STOP",
    "length": "MAX_TOKENS",
    "content_filter": "SAFETY",
}
_WORD = re.compile(r"[A-Z][A-Z_]+")


def read_finish(fields: Mapping[str, Any], called: bool) -> tuple[str | None, dict[str, Any]]:
    """The finish reason, and the provider's own word where it says more than ours. ``called``:
    the answer holds tool calls, for which there is no reason of its own here."""
    given = fields.get("finishReason")
    if not isinstance(given, str) or given in ("", "FINISH_REASON_UNSPECIFIED"):
        return None, {}
    finish = _FINISH.get(given, given)
    if finish == "stop" and called:
        finish = "tool_calls"
    return finish, {} if write_finish(finish) == given else {"finishReason": given}


def write_finish(finish: str) -> str:
    """A reason of the package's ``FinishReason``, or a word that looks like a newer one."""
    return _REASON.get(finish) or (finish if _WORD.fullmatch(finish) else "OTHER")


def bag(fields: Mapping[str, Any], known: Collection[str]) -> Extra:
    """The fields nobody here knows, under this dialect's name. A null says nothing."""
    unknown = {
        name: value for name, value in fields.items() if name not in known and value is not None
    }
    return {DIALECT: unknown} if unknown else {}


def own(extra: Extra) -> dict[str, Any]:
    """A copy of the unknown fields that came by this dialect."""
    return dict(extra.get(DIALECT, ()))


#: Every name of more than one word that is looked for here, by its other spelling.
_CAMEL = {
    re.sub("[A-Z]", lambda letter: "_" + letter[0].lower(), name): name
    for name in re.findall(
        r"\w+",
        """
        additionalProperties allowedFunctionNames anyOf candidateCount fileData fileUri
        frequencyPenalty functionCall functionCallingConfig functionDeclarations functionResponse
        generationConfig inlineData maxItems maxLength maxOutputTokens maxProperties mimeType
        minItems minLength minProperties oneOf parametersJsonSchema partialArgs prefixItems
        presencePenalty responseJsonSchema responseLogprobs responseMimeType responseSchema
        stopSequences systemInstruction thinkingConfig thinkingLevel thoughtSignature toolConfig
        topP willContinue
        """,
    )
}


def proto(value: Any, where: str) -> dict[str, Any]:
    """The fields of one message of the API, those known here in camelCase; an empty one for
    null. Raises ``ValueError`` for what is none."""
    fields = as_object({} if value is None else value, where)
    if _CAMEL.keys().isdisjoint(fields):
        return fields
    return {_CAMEL.get(name, name): inner for name, inner in fields.items()}


def each(value: Any, where: str) -> list[Any]:
    """The items of a list, or the one object that stands for a list of one."""
    if value is None:
        return []
    if isinstance(value, dict):
        return [value]
    if not isinstance(value, list):
        raise ValueError(f"{where} is no array")
    return cast("list[Any]", value)
