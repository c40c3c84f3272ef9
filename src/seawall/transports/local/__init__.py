"""Transport ``local``: real language models on this machine, with no key.

``pull`` fetches the weights of a pinned model (``MODELS``) as data, checks and caches them;
``resolve`` finds them, or any other GGUF file. ``Local`` asks a model through llama.cpp in a child
process, which all processes of the same user share and which ends when nobody uses it; ``status``
shows those that run. Needs the extra ``local`` to ask, not to pull. ``Embedder`` asks a model that
makes embeddings, in this process; needs the extra ``embed``.
"""

from __future__ import annotations

from ...ports import Transport
from .cache import WeightsError, installed, models_dir, resolve
from .catalog import DEFAULT, FALLBACKS, MODELS, Model
from .embedder import Embedder
from .engine import Engine
from .listing import Listing
from .starting import StartError
from .status import LocalStatus, status
from .transport import Local
from .weights import Progress, pull

__all__ = [
    "DEFAULT",
    "FALLBACKS",
    "MODELS",
    "Embedder",
    "Engine",
    "Listing",
    "Local",
    "LocalStatus",
    "Model",
    "Progress",
    "StartError",
    "WeightsError",
    "connect",
    "installed",
    "models_dir",
    "pull",
    "resolve",
    "status",
]


def connect(
    model: str, inner: Transport, *, engine: Engine | None = None, queue: int = 64
) -> Transport:
    """The transport to ``model``; to ``*``, the list of those that are here. ``inner``, ``engine``
    and ``queue`` as ``Local`` has them."""
    if model == "*":
        return Listing()
    if model in MODELS and MODELS[model].kind == "embeddings":
        return Embedder(model, engine=engine, queue=queue)
    return Local(model, inner, engine=engine, queue=queue)
