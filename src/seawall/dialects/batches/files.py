"""Uploading a batch's lines as a file: ``POST /files``, ``multipart/form-data`` (RFC 7578)."""

from __future__ import annotations

from ...ports import Envelope

__all__ = ["upload"]


def upload(mark: str) -> Envelope:
    """``mark`` names the file and, holding 64 random bits, parts the form's fields: no line can
    contain it by chance."""
    edge = f"seawall-{mark}"
    purpose = f'--{edge}\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
    file = (
        f'--{edge}\r\ncontent-disposition: form-data; name="file"; filename="{mark}.jsonl"\r\n'
        "content-type: application/jsonl\r\n\r\n"
    )
    return Envelope(
        path="/files",
        headers=(("content-type", f"multipart/form-data; boundary={edge}"),),
        head=(purpose + file).encode(),
        between=b"\n",
        tail=f"\n\r\n--{edge}--\r\n".encode(),
    )
