"""What is remembered of earlier requests, to tell what a new one is."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import TypeVar

from ..types import Message, Request
from .log import KEPT, identity

__all__ = ["Memo"]

V = TypeVar("V")


class Memo:
    """Counts questions and knows partial answers: the last ``most`` of each."""

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._asked: OrderedDict[str, int] = OrderedDict()
        self._models: OrderedDict[str, float] = OrderedDict()
        self._parts: OrderedDict[str, tuple[int, str]] = OrderedDict()

    def asked(self, question: str) -> int:
        """How often the question was asked before; it is counted."""
        count = self._asked.get(question, 0)
        self._keep(self._asked, question, count + 1)
        return count

    def model_since(self, model: str, now: float) -> float:
        """When the model was asked first."""
        since = self._models.get(model, now)
        self._keep(self._models, model, since)
        return since

    def part(self, request: Request, number: int, text: str) -> None:
        """Only a part of ``text`` goes out as the answer to ``request``."""
        self._keep(self._parts, _thread(request.messages), (number, text))

    def built_on(self, request: Request) -> tuple[int, str] | None:
        """The request whose partial answer this one takes for an answer, and that part. A
        last message of the assistant's is no such thing: it asks for the rest."""
        if not self._parts:
            return None
        messages = request.messages
        for place, message in enumerate(messages[:-1]):
            if message.role == "assistant" and message.text:
                number, text = self._parts.get(_thread(messages[:place]), (0, ""))
                if number and text.startswith(message.text[:KEPT]):
                    return number, message.text
        return None

    def _keep(self, kept: OrderedDict[str, V], key: str, value: V) -> None:
        kept[key] = value
        kept.move_to_end(key)
        if len(kept) > self._most:
            kept.popitem(last=False)


def _thread(messages: Sequence[Message]) -> str:
    return identity(*(f"{message.role} {message.text}" for message in messages))
