"""From what a caller writes to the request of an operation beside chat."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypedDict, cast

from ..errors import BadRequestError
from ..operations import INPUT_TYPES, EmbedRequest, InputType, RerankRequest
from ..types import Extra

if TYPE_CHECKING:
    from ..layers.breaker import Breaker
    from ..layers.retry import Retry
    from ..ports import Timeouts

__all__ = [
    "CallOptions",
    "EmbedOptions",
    "RerankOptions",
    "check_options",
    "embed_request",
    "rerank_request",
]


class CallOptions(TypedDict, total=False):
    """What any call may be told; see ``options.Options``. ``extra``: fields of the vendor's own,
    by dialect."""

    feature: str
    tags: Mapping[str, Any]
    prompt: str
    prompt_version: str
    deadline: Timeouts | Mapping[str, Any] | float
    retry: Retry | Mapping[str, Any] | Literal[False] | Any
    breaker: Breaker | Mapping[str, Any] | Literal[False] | Any
    inherited: Mapping[str, str]
    extra: Mapping[str, Mapping[str, Any]]


class EmbedOptions(CallOptions, total=False):
    """Keywords of ``embed``. ``input_type``: what the texts are embedded for. ``dimensions``: the
    length of the vectors, for a model that can shorten them."""

    input_type: InputType | None
    dimensions: int | None
    user: str | None


class RerankOptions(CallOptions, total=False):
    """Keywords of ``rerank``. ``top_n``: only the best of the documents."""

    top_n: int | None


#: The options that are about the call and not the request: a client's own hold for every
#: operation.
_SHARED = frozenset(CallOptions.__annotations__) - {"extra"}


def check_options(
    options: Mapping[str, Any], known: type[CallOptions], defaults: Mapping[str, Any]
) -> dict[str, Any]:
    """The options of a call, over those of its client. Raises ``TypeError`` for a keyword the
    operation does not have, naming the one that was meant."""
    for name in options:
        if name not in known.__annotations__:
            near = difflib.get_close_matches(name, known.__annotations__, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise TypeError(
                f"there is no option {name!r} here{hint} (a vendor's own parameter goes into "
                f"extra={{'openai_chat': {{{name!r}: ...}}}})"
            )
    return {name: defaults[name] for name in defaults if name in _SHARED} | dict(options)


def embed_request(
    texts: str | Sequence[str], model: str, options: Mapping[str, Any]
) -> EmbedRequest:
    """Raises ``BadRequestError`` naming what cannot be embedded."""
    given = (texts,) if isinstance(texts, str) else texts
    return EmbedRequest(
        model=model,
        texts=_texts(given, "texts"),
        input_type=_input_type(options.get("input_type")),
        dimensions=_count(options, "dimensions"),
        user=_text(options, "user"),
        extra=_extra(options),
    )


def rerank_request(
    query: str, documents: Sequence[str], model: str, options: Mapping[str, Any]
) -> RerankRequest:
    """Raises ``BadRequestError`` naming what cannot be ranked."""
    if isinstance(documents, str):
        raise _wrong("documents is one text; give several in a list")
    return RerankRequest(
        model=model,
        query=_texts((query,), "query")[0],
        documents=_texts(documents, "documents"),
        top_n=_count(options, "top_n"),
        extra=_extra(options),
    )


def _wrong(problem: str) -> BadRequestError:
    fault = BadRequestError(f"the request is not valid: {problem}")
    fault.blames = "nobody"
    return fault


def _texts(given: Any, name: str) -> tuple[str, ...]:
    if isinstance(given, (bytes, Mapping)) or not isinstance(given, Iterable):
        kind = type(cast("Any", given)).__name__
        raise _wrong(f"{name} is a {kind}; give text, or several in a list")
    texts = tuple(cast("Iterable[Any]", given))
    if not texts:
        raise _wrong(f"{name} is empty; there is nothing to ask")
    for index, text in enumerate(texts):
        where = name if len(texts) == 1 else f"{name}[{index}]"
        if not isinstance(text, str):
            raise _wrong(f"{where} is a {type(text).__name__}; give text")
        if not text:
            raise _wrong(f"{where} is an empty text, which providers refuse; leave it out")
    return texts


def _input_type(given: Any) -> InputType | None:
    if given is None or given in INPUT_TYPES:
        return given
    near = difflib.get_close_matches(str(given), INPUT_TYPES, 1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise _wrong(f"input_type is {given!r}; {hint}known: {', '.join(INPUT_TYPES)}")


def _count(options: Mapping[str, Any], name: str) -> int | None:
    given = options.get(name)
    if given is None or (type(given) is int and given > 0):
        return given
    raise _wrong(f"{name} is {given!r}; give a whole number above 0")


def _text(options: Mapping[str, Any], name: str) -> str | None:
    given = options.get(name)
    if given is None or isinstance(given, str):
        return given
    raise _wrong(f"{name} is {given!r}; give text")


def _extra(options: Mapping[str, Any]) -> Extra:
    given: Any = options.get("extra") or {}
    if isinstance(given, Mapping):
        dialects = cast("Mapping[str, Any]", given)
        if all(isinstance(fields, Mapping) for fields in dialects.values()):
            return dialects
    raise _wrong("extra holds fields by dialect, such as {'openai_chat': {...}}")
