"""Saying a fault once more, to somebody who may raise it, without touching the first one."""

from __future__ import annotations

from typing import TypeVar

from ..errors import Fault

__all__ = ["echo"]

F = TypeVar("F", bound=Fault)


def echo(fault: F) -> F:
    """A fault equal to ``fault``, without its traceback and the decision record of its call.

    Copied past ``__init__``, whose arguments differ from class to class.
    """
    again = type(fault).__new__(type(fault))
    again.__dict__.update(fault.__dict__)
    again.args = fault.args
    again.decision = None
    return again
