"""Transport ``local``: real language models on this machine, with no key.

``pull`` fetches the weights of a pinned model (``MODELS``) as data, checks and caches them;
``resolve`` finds them, or any other GGUF file. ``Local`` asks a model through llama.cpp in a child
process, which all processes of the same user share and which ends when nobody uses it; ``status``
shows those that run. Needs the extra ``local`` to ask, not to pull.
"""

from .cache import WeightsError, installed, models_dir, resolve
from .catalog import DEFAULT, FALLBACKS, MODELS, Model
from .engine import Engine
from .starting import StartError
from .status import LocalStatus, status
from .transport import Local
from .weights import Progress, pull

__all__ = [
    "DEFAULT",
    "FALLBACKS",
    "MODELS",
    "Engine",
    "Local",
    "LocalStatus",
    "Model",
    "Progress",
    "StartError",
    "WeightsError",
    "installed",
    "models_dir",
    "pull",
    "resolve",
    "status",
]
