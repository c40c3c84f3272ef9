"""The verbs: a ``Call`` goes through layers to ``send`` and becomes a ``Reply``."""

from .call import Call, Handler, Layer, Reply, Route, compose, run
from .clock import SystemClock, Watch
from .decision import Attempt, Decision, Refused, Resumed
from .end import End, Outcome
from .original import Original
from .send import ATTEMPTS_HEADER, DEADLINE_HEADER, given, send
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
    "compose",
    "given",
    "is_content",
    "run",
    "send",
    "step",
]
