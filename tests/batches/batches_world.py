"""Clients of the loopback provider, one vendor for each batch API."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from batches_provider import Provider

__all__ = ["MODELS", "REQUESTS", "settings"]

MODELS = {
    "openai": "openai/gpt-4o-mini",
    "anthropic": "anthropic/claude-haiku-4-5",
    "gemini": "google/gemini-3.5-flash-lite",
    "mistral": "mistral/mistral-small-2603",
}
REQUESTS = {"a": "Name a harbour.", "b": "Name another.", "c": "And a third."}


def settings(app: Provider, home: Path, **more: Any) -> dict[str, Any]:
    """Of a client that keeps its records under ``home``."""
    paths = {"openai": "/v1", "mistral": "/v1", "google": "/v1beta", "anthropic": ""}
    vendors = {
        name: {"base_url": app.url + path, "key": f"key-of-{name}-0123456789"}
        for name, path in paths.items()
    }
    quick = {"retry": {"attempts": 3, "base": 0.001, "cap": 0.001}}
    return {"vendors": vendors, "ledger": {"dir": str(home)}, "defaults": quick, **more}
