"""A plugin for ``llm``, the command line tool and library. Needs the extra ``llm``.

``llm`` finds it by its entry point once both are installed.
"""

from __future__ import annotations

try:
    from .models import AsyncSeawallModel, SeawallModel
    from .plugin import register_models
except ModuleNotFoundError as missing:
    if missing.name != "llm":
        raise
    raise ModuleNotFoundError(
        'llm is not installed. Run: pip install "seawall[llm]"', name=missing.name
    ) from None

__all__ = ["AsyncSeawallModel", "SeawallModel", "register_models"]
