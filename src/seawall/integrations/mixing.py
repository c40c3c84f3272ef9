"""A fault that is another library's error, too: whoever catches either has it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from ..errors import Fault

__all__ = ["mixed"]


def mixed(fault: Fault, theirs: tuple[type[Exception], ...], fields: Mapping[str, Any]) -> Fault:
    """``fault`` as an error of its own class and of ``theirs``; ``fields`` are what theirs have.
    It is to be raised from ``fault``."""
    kind = _class(type(fault), theirs)
    # Not made anew: what the call wrote into it is to be kept, and each fault is made otherwise.
    both = kind.__new__(kind)
    both.__dict__ |= {**fault.__dict__, **fields}
    both.args = fault.args
    return both


@cache
def _class(kind: type[Fault], theirs: tuple[type[Exception], ...]) -> type[Fault]:
    return type(kind.__name__, (kind, *theirs), {"__module__": kind.__module__})
