"""How layers compose around ``send``, and how a call is run through them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from ..errors import Fault, SeawallError
from .call import Call
from .end import End
from .reply import Reply

__all__ = ["Handler", "Layer", "compose", "run"]

Handler = Callable[[Call], Awaitable[Reply]]


class Layer(Protocol):
    """Wraps a handler. A layer wraps the call and registers ``on_end``; never the stream."""

    def __call__(self, inner: Handler, /) -> Handler: ...


def compose(layers: Sequence[Layer], send: Handler) -> Handler:
    """One handler out of ``layers``, outermost first, around ``send``."""
    handler = send
    for layer in reversed(layers):
        handler = layer(handler)
    return handler


async def run(handler: Handler, call: Call) -> Reply:
    """Ask ``handler`` and see to it that ``call`` ends exactly once, whatever happens."""
    try:
        reply = await handler(call)
    except Fault as fault:
        call.blame(fault)
        call.end(End(outcome="fault", fault=fault))
        raise
    except (asyncio.CancelledError, GeneratorExit):
        call.end(End(outcome="cancelled"))
        raise
    except BaseException as error:
        fault = Fault(f"{type(error).__name__}: {error}")
        if isinstance(error, SeawallError):
            fault.blames = "nobody"  # a setting or the ledger: it was refused, not sent
        call.end(End(outcome="fault", fault=fault))
        raise
    if reply.canned:
        call.end(End(outcome="fallback_reply", response=reply.response))
    elif reply.stream is not None:
        reply.stream.on_end(call.end)
    elif reply.answer is not None:
        call.end(End(outcome="finished", answer=reply.answer))
    else:
        call.end(End(outcome="finished", response=reply.response, damaged=reply.damaged))
    return reply
