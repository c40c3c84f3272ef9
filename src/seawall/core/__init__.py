"""The verbs: a ``Call`` goes through layers to ``send`` and becomes a ``Reply``."""

from .call import Call, Handler, Layer, Reply, Route, compose, run
from .clock import SystemClock, Watch
from .decision import Attempt, Decision, Refused
from .end import End, Outcome
from .send import ATTEMPTS_HEADER, DEADLINE_HEADER, given, send
from .stream import State, Step, Stream, step

__all__ = [
    "ATTEMPTS_HEADER",
    "DEADLINE_HEADER",
    "Attempt",
    "Call",
    "Decision",
    "End",
    "Handler",
    "Layer",
    "Outcome",
    "Refused",
    "Reply",
    "Route",
    "State",
    "Step",
    "Stream",
    "SystemClock",
    "Watch",
    "compose",
    "given",
    "run",
    "send",
    "step",
]
