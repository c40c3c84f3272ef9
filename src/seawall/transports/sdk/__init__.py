"""The vendors' official SDK clients as transports."""

from __future__ import annotations

from .transport import Sdk, given

__all__ = ["Sdk", "given"]
