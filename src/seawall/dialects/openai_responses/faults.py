"""Errors that come with a success status: of a response that failed, and in a stream.

The reference shows the error event of a stream flat (``code``, ``message``, ``param``), the
service also sends it with an ``error`` object in it, as in every other error body.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import Fault
from ..json_values import as_object
from ..openai_chat.faults import complaint, fault_from

__all__ = ["error_event", "fault_in"]

#: Codes of the package's ``ResponseError`` that blame the question, and with it every repeat.
_CALLER = ("invalid", "image", "data_residency", "_policy", "failed_to_download")
_POLICY = "_policy"


def fault_in(raw: Mapping[str, Any], body: bytes) -> Fault:
    """The fault of a response's ``error``, or of an error event."""
    error: Any = raw.get("error") or raw
    fields = dict(as_object(error, "error")) if isinstance(error, dict) else {"message": error}
    code = str(fields.get("code") or "")
    if _POLICY in code:
        fields["type"] = "content_policy"
    caller = any(mark in code for mark in _CALLER)
    return fault_from({"error": fields}, body, 400 if caller else None)


def error_event(fault: Fault, number: int) -> dict[str, Any]:
    """The error in band, flat as the reference has it and with the ``error`` object as well:
    the official client raises only for that, and would take the flat one for the end."""
    error = complaint(fault)["error"]
    return {
        "type": "error",
        "sequence_number": number,
        "code": error["code"],
        "message": error["message"],
        "param": error["param"],
        "error": error,
    }
