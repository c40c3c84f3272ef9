"""Transport ``http``: a pooled HTTP/1.1 client on asyncio and llhttp."""

from .client import Http
from .limits import Limits

__all__ = ["Http", "Limits"]
