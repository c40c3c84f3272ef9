"""pydantic-ai: Seawall as a model of its agents. Needs the extra ``pydantic-ai``."""

from __future__ import annotations

try:
    from .model import SeawallModel, SeawallModelSettings
except ModuleNotFoundError as missing:
    if missing.name is None or not missing.name.startswith("pydantic"):
        raise
    raise ModuleNotFoundError(
        f'{missing.name} is not installed. Run: pip install "seawall[pydantic-ai]"',
        name=missing.name,
    ) from None

__all__ = ["SeawallModel", "SeawallModelSettings"]
