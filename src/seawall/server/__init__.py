"""HTTP to a handler and back: in process, and on sockets."""

from .direct import InProcess
from .limits import Limits
from .messages import Break, Handler, Head, Request, Step
from .server import Server

__all__ = ["Break", "Handler", "Head", "InProcess", "Limits", "Request", "Server", "Step"]
