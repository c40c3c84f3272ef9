"""From what a caller writes to the requests of a batch."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from ...errors import BadRequestError
from ...types import Format, Request
from ..inputs import PARAMETERS, Messages, build
from ..options import Options

__all__ = ["BatchRequests", "bad", "check_batch", "requests_of", "shared"]


BatchRequests = Mapping[str, Messages] | Iterable[Mapping[str, Any] | tuple[str, Messages]]
"""Messages by id, or requests: pairs of both, or dicts with ``id``, ``messages`` and parameters of
their own (``temperature``, ``max_tokens``, ...). An iterable is read once, as it is written."""

#: What only a call can have.
_NOT_HERE = frozenset({"reasks", "fallback_reply", "recovery", "inherited"})
_OPTIONS = frozenset(Options.__annotations__) - _NOT_HERE


def check_batch(options: Mapping[str, Any]) -> None:
    """Raises ``TypeError`` for a keyword that a batch does not have."""
    for name in options:
        if name in _NOT_HERE:
            raise TypeError(f"a batch has no {name!r}: its requests are asked once, by one model")
        if name not in _OPTIONS:
            near = difflib.get_close_matches(name, _OPTIONS, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise TypeError(f"there is no option {name!r} for a batch{hint}")


def shared(defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a client's own options that hold for its batches."""
    return {name: value for name, value in defaults.items() if name not in _NOT_HERE}


def requests_of(
    given: BatchRequests, options: Mapping[str, Any], model: str, wanted: Format | None
) -> Iterator[tuple[str, Request]]:
    """Each request with its id, written when it is asked for. Raises ``BadRequestError`` naming
    the one that cannot be understood."""
    for number, (id, messages, own) in enumerate(_pairs(given)):
        if not isinstance(id, str) or not id:
            raise bad(f"request {number} has the id {id!r}; give text")
        unknown = [name for name in own if name not in PARAMETERS]
        if unknown:
            raise bad(f"request {id!r} has {unknown[0]!r}, which is no parameter of a request")
        try:
            said = {**options, **own}
            yield id, build(messages, said, model=model, stream=False, wanted=wanted)
        except BadRequestError as error:
            raise bad(f"request {id!r}: {error.message}") from None


def _pairs(given: Any) -> Iterator[tuple[Any, Any, Mapping[str, Any]]]:
    if isinstance(given, Mapping):
        for id, messages in cast("Mapping[Any, Any]", given).items():
            yield id, messages, {}
        return
    if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
        kind = type(cast("Any", given)).__name__
        raise bad(f"a batch of a {kind}; give messages by id, or dicts with id and messages")
    for number, each in enumerate(cast("Iterable[Any]", given)):
        if isinstance(each, Mapping):
            fields = dict(cast("Mapping[str, Any]", each))
            if "id" not in fields or "messages" not in fields:
                raise bad(f"request {number} needs an id and messages; it has {list(fields)}")
            yield fields.pop("id"), fields.pop("messages"), fields
            continue
        pair = cast("tuple[Any, ...]", each) if isinstance(each, tuple) else ()
        if len(pair) != 2:
            kind = type(cast("Any", each)).__name__
            raise bad(f"request {number} is a {kind}; give a dict with id and messages")
        yield pair[0], pair[1], {}


def bad(problem: str) -> BadRequestError:
    """A batch that was refused here, before anything was sent."""
    fault = BadRequestError(f"the batch is not valid: {problem}")
    fault.blames = "nobody"
    return fault
