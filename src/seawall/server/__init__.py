"""HTTP to a handler and back: in process, and on sockets."""

from .direct import InProcess
from .messages import Break, Handler, Head, Request, Step

__all__ = ["Break", "Handler", "Head", "InProcess", "Request", "Step"]
