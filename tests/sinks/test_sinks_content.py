from __future__ import annotations

import hashlib
import json

from seawall.sinks import conceal
from seawall.types import Choice, Message, Response, Text

SAID = ({"role": "user", "content": "Where is the ship?"}, Message("assistant", (Text("Home."),)))


def test_full_keeps_and_none_drops() -> None:
    assert conceal(SAID, "full") is SAID
    assert conceal(SAID, "none") is None
    assert conceal(None, "hashed") is None


def test_hashed_keeps_role_length_and_fingerprint() -> None:
    first, second = conceal(SAID, "hashed")
    text = json.dumps(SAID[0], sort_keys=True, separators=(",", ":")).encode()
    fingerprint = hashlib.sha256(text).hexdigest()
    assert first == {"role": "user", "sha256": fingerprint, "bytes": len(text)}
    assert second["role"] == "assistant"
    assert "ship" not in str((first, second))


def test_equal_content_has_equal_fingerprints_whatever_the_order_of_keys() -> None:
    turned = {"content": "Where is the ship?", "role": "user"}
    assert conceal([turned], "hashed")[0] == conceal(SAID, "hashed")[0]


def test_a_response_becomes_one_fingerprint() -> None:
    response = Response(choices=(Choice(message=Message("assistant", (Text("At sea."),))),))
    assert set(conceal(response, "hashed")) == {"sha256", "bytes"}
