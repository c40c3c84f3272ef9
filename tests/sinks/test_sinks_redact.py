from __future__ import annotations

import time

import msgspec
import pytest

from seawall.secret_patterns import redact, redact_json

KEYS = [
    ("sk-abcDEF1234567890abcdef", "sk-***"),
    ("sk-proj-A1b2_C3-d4E5f6G7h8I9", "sk-***"),
    ("sk-ant-api03-Zz9Zz9Zz9Zz9Zz9Zz9-AA", "sk-***"),
    ("gsk_a1b2c3d4e5f6g7h8i9j0", "gsk_***"),
    ("xai-a1b2c3d4e5f6g7h8i9j0", "xai-***"),
    ("pplx-a1b2c3d4e5f6g7h8i9j0", "pplx-***"),
    ("nvapi-a1b2c3d4e5f6g7h8i9j0", "nvapi-***"),
    ("hf_a1b2c3d4e5f6g7h8i9j0", "hf_***"),
    ("r8_a1b2c3d4e5f6g7h8i9j0", "r8_***"),
    ("AIzaSyA1234567890abcdefghijklmnopqrstuv", "AIza***"),
    ("Bearer eyJhbGciOiJIUzI1NiJ9.e30.abc==", "Bearer ***"),
    ("bearer   0123456789abcdef0123", "bearer ***"),
]
AROUND = ["{}", "my key is {}, keep it", "\n{}", "\t{}\n", '"{}"', "\x1b{}\x1b", "a={};", "é{}é"]
HARMLESS = [
    "sk-learn-contrib-community-package",
    "task-2026-11-23-backup-of-everything",
    "the bearer of this letter-of-recommendation",
    "disk-encryption-with-aes-256-gcm-siv",
    "a risk-2-reward-based-approach-to-it",
    "AIzawa",
    "sk-12345",
    "",
]


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize(("key", "masked"), KEYS)
def test_a_key_is_masked_in_text_and_in_json(key: str, masked: str, around: str) -> None:
    text, expected = around.format(key), around.format(masked)
    assert redact(text) == expected
    assert redact(expected) == expected
    encoded = redact_json(msgspec.json.encode({"content": text, "keys": [text, text]}))
    assert msgspec.json.decode(encoded) == {"content": expected, "keys": [expected, expected]}


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_alike_stays(text: str) -> None:
    assert redact(text) == text
    encoded = msgspec.json.encode([text])
    assert redact_json(encoded) == encoded


@pytest.mark.parametrize("piece", ["sk-", "gsk_", "hf_", "hf_a", "Bearer ", "AIza", "-", "_a"])
def test_text_made_to_be_slow_is_not(piece: str) -> None:
    text = piece * (200_000 // len(piece))
    began = time.process_time()
    redact_json(text.encode())
    assert time.process_time() - began < 2
