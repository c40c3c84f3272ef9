"""The verbs: a ``Call`` goes through layers to ``send`` and becomes a ``Reply``."""

from .call import Call, Route
from .clock import SystemClock, Watch, expire
from .decision import Attempt, Decision, Refused, Resumed
from .end import End, Outcome
from .handling import Handler, Layer, compose, run
from .interruption import Interruption
from .original import Original
from .reply import Reply
from .send import ATTEMPTS_HEADER, DEADLINE_HEADER, ask, given, send
from .stream import Piece, State, Step, Stream, is_content, step
from .wire_stream import WireStream

__all__ = [
    "ATTEMPTS_HEADER",
    "DEADLINE_HEADER",
    "Attempt",
    "Call",
    "Decision",
    "End",
    "Handler",
    "Interruption",
    "Layer",
    "Original",
    "Outcome",
    "Piece",
    "Refused",
    "Reply",
    "Resumed",
    "Route",
    "State",
    "Step",
    "Stream",
    "SystemClock",
    "Watch",
    "WireStream",
    "ask",
    "compose",
    "expire",
    "given",
    "is_content",
    "run",
    "send",
    "step",
]
