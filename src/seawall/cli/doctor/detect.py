"""Finds keys in text, with as few false alarms as can be: a person reads what is found.

Beside what ``secret_patterns`` asks for, a key has a long unbroken run of letters and digits,
entropy, and nothing in it that says "example". Keys without a prefix (Mistral, Cohere, Azure)
are known by the name they are assigned to.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from ...secret_patterns import EXPRESSIONS

__all__ = ["Hit", "find", "mask", "placeholder"]

#: The longer first where one begins another.
_KINDS = {
    b"sk-ant-": "Anthropic key",
    b"sk-or-": "OpenRouter key",
    b"sk-proj-": "OpenAI key",
    b"sk-svcacct-": "OpenAI key",
    b"sk-admin-": "OpenAI admin key",
    b"sk-": "OpenAI-style key",
    b"xai-": "xAI key",
    b"pplx-": "Perplexity key",
    b"nvapi-": "NVIDIA key",
    b"gsk_": "Groq key",
    b"hf_": "Hugging Face token",
    b"r8_": "Replicate token",
    b"AIza": "Google key",
    b"AKIA": "AWS access key id",
    b"": "bearer token",
}
_PREFIXED = [re.compile(pattern.encode()) for pattern in (*EXPRESSIONS.values(), "AKIA[A-Z0-9]+")]

#: Shapes that say enough by themselves; the first two prefixes have no other. The rest must
#: hold a run with a letter and a digit.
_EXACT = re.compile(rb"AIza[A-Za-z0-9_-]{35}|AKIA[A-Z0-9]{16}|hf_[A-Za-z]{34}")
_ALWAYS_EXACT = (b"AIza", b"AKIA")
#: Bytes. Shorter, a bearer token is somebody's example: no prefix speaks for it.
_BEARER, _LONGEST = 32, 2000
_RUN = re.compile(rb"(?=[A-Za-z]*[0-9])(?=[0-9]*[A-Za-z])[A-Za-z0-9]{16,}")
#: What stands before a prefix that only happens to be in a longer word, such as a hash in
#: base64. A letter behind a backslash is an escape of JSON; a plus begins a line git added.
_INSIDE = re.compile(rb"(?:\A|[^\\])[A-Za-z0-9]\Z|[^\n+]\+\Z|[-_]\Z")

# After the name: what closes its quotes or brackets, a type, the operator (a comma in
# ``getenv(name, default)``), then a value in quotes, or one that a blank or line ends.
_ASSIGNED = (
    r"s?[\\\"'`\]]*(?:[ \t]*:[ \t]*[\w.\[\]| ]{1,40}?(?==))?[ \t]*(?:=>|:=|=|:|,)[ \t]*"
    r"(?:\\?[\"'`](?P<quoted>[A-Za-z0-9_/+=.~-]{20,200})\\?[\"'`]"
    r"|(?P<bare>[A-Za-z0-9_-]{20,200})(?=[\s;]|$))"
)
_NAMED = [
    (len(word), re.compile((word + _ASSIGNED).encode(), re.MULTILINE))
    for word in ("key", "KEY", "Key", "token", "TOKEN", "Token")
]
_NAME = re.compile(rb"[A-Za-z0-9_.-]*\Z")
#: A name that holds one of these is that of a provider's key.
_OWNERS = (b"api", b"secret_access", b"mistral", b"cohere", b"openai", b"anthropic", b"azure_ai")

#: Six equal or five successive characters are no accident even in a long hexadecimal key.
_STAND_INS = re.compile(
    r"your|example|sample|placeholder|dummy|fake|mock|test|redacted|change.?me|insert|replace"
    r"|key.here|not.?a.?real|(?:^|-)xxx|\*\*\*|\.\.\.|[<>${}]|(.)\1{5}|01234|12345|56789|abcde|a1b2c3",
    re.IGNORECASE,
)
#: Bits a character. 16 random characters of the smallest alphabet in use (hexadecimal) have
#: more than 3 nearly always; words and counting mostly have less.
_ENTROPY = 3.0

#: What other scanners call "this one is meant to be here".
_ALLOWED = re.compile(rb"gitleaks:allow|pragma: allowlist secret")
_LINE = 500


class Hit(NamedTuple):
    """A key at ``text[start:end]``, and in words what it is: ``Anthropic key``."""

    start: int
    end: int
    kind: str


def find(text: bytes) -> list[Hit]:
    """The keys in ``text``, in order. Placeholders are none, and a line is passed over that
    says ``gitleaks:allow`` or ``pragma: allowlist secret``."""
    found: dict[int, Hit] = {}
    for hit in (*_by_prefix(text), *_by_name(text)):
        if hit.start not in found and not _allowed(text, hit):
            found[hit.start] = hit
    return [found[start] for start in sorted(found)]


def placeholder(value: str) -> bool:
    """Whether ``value`` only shows where a key would stand: ``sk-xxxx``, ``your-key-here``,
    ``${KEY}``."""
    return _STAND_INS.search(value) is not None


def mask(key: str) -> str:
    """The first 6 characters of ``key``, enough to tell it from others, and ``***``."""
    return key[:6] + "***"


def _by_prefix(text: bytes) -> Iterator[Hit]:
    for expression in _PREFIXED:
        for match in expression.finditer(text):
            start, end = _whole(text, match)
            key = text[start:end]
            prefix = next(prefix for prefix in _KINDS if key.startswith(prefix))
            apart = _INSIDE.search(text[max(0, start - 2) : start]) is None
            if apart and _shaped(key, prefix) and _random(key.removeprefix(prefix)):
                yield Hit(start, end, _KINDS[prefix])


def _whole(text: bytes, match: re.Match[bytes]) -> tuple[int, int]:
    """Where the key lies of a match that began at the end of the key's prefix."""
    start, end = match.span()
    if match[0].startswith(b"earer"):
        return start + match[0].rindex(b" ") + 1, end
    for prefix in _KINDS:
        if prefix and text.startswith(prefix, max(0, start + 1 - len(prefix)), start + 1):
            return start + 1 - len(prefix), end
    return start, end


def _shaped(key: bytes, prefix: bytes) -> bool:
    if prefix in _ALWAYS_EXACT or _EXACT.fullmatch(key):
        return _EXACT.fullmatch(key) is not None
    least = 0 if prefix else _BEARER
    return least <= len(key) <= _LONGEST and _RUN.search(key) is not None


def _by_name(text: bytes) -> Iterator[Hit]:
    for length, expression in _NAMED:
        for match in expression.finditer(text):
            start, end = match.span("quoted" if match["quoted"] is not None else "bare")
            name = _name(text, match.start() + length)
            owned = any(owner in name.lower() for owner in _OWNERS)
            if owned and _RUN.search(text, start, end) and _random(text[start:end]):
                yield Hit(start, end, f"value of {name.decode()}")


def _name(text: bytes, end: int) -> bytes:
    """The dotted name that ends there."""
    found = _NAME.search(text, max(0, end - 60), end)
    return found[0] if found is not None else b""


def _random(key: bytes) -> bool:
    counts = Counter(key).values()
    entropy = -sum(count / len(key) * math.log2(count / len(key)) for count in counts)
    return entropy >= _ENTROPY and not placeholder(key.decode("ascii"))


def _allowed(text: bytes, hit: Hit) -> bool:
    begin = max(text.rfind(b"\n", 0, hit.start) + 1, hit.start - _LINE)
    end = text.find(b"\n", hit.end, hit.end + _LINE)
    return _ALLOWED.search(text, begin, end if end >= 0 else hit.end + _LINE) is not None
