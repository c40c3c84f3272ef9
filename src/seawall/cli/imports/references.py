"""References to variables: LiteLLM's ``os.environ/NAME`` and our ``${NAME}``."""

from __future__ import annotations

import re

from ...secret_patterns import redact

__all__ = ["ENVIRON", "reference", "variables_of", "writable"]

ENVIRON = "os.environ/"
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def reference(text: str) -> str | None:
    """``text`` as our settings write it: ``os.environ/NAME`` as ``${NAME}``, and any other text as
    it is; ``None`` for what would be taken for a reference and is none, or is no text."""
    if text.startswith(ENVIRON):
        name = re.sub(r"\W", "_", text[len(ENVIRON) :], flags=re.ASCII)
        return f"${{{name}}}" if re.match(r"[A-Za-z_]", name) else None
    if variables_of(text) or _CONTROL.search(text):
        return None
    return text


def variables_of(text: str) -> list[str]:
    """The variables that ``text`` refers to in our settings."""
    return re.findall(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}", text)


def writable(name: str) -> bool:
    """Whether ``name`` can stand in our settings as it is: no reference, and no key."""
    return bool(name) and reference(name) == name and redact(name) == name
