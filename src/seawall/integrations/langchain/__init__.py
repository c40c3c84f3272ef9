"""LangChain 1.x: Seawall as a chat model and as embeddings. Needs the extra ``langchain``."""

from __future__ import annotations

try:
    from .chat import ChatSeawall
    from .embeddings import SeawallEmbeddings
except ModuleNotFoundError as missing:
    if missing.name is None or not missing.name.startswith("langchain"):
        raise
    raise ModuleNotFoundError(
        f'{missing.name} is not installed. Run: pip install "seawall[langchain]"', name=missing.name
    ) from None

__all__ = ["ChatSeawall", "SeawallEmbeddings"]
