"""Where weights are kept, and whether a file is what it should be."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

from ...errors import SeawallError
from .catalog import MODELS, Model

__all__ = [
    "WeightsError",
    "installed",
    "is_whole",
    "kept_at",
    "models_dir",
    "named",
    "require",
    "resolve",
]

_MAGIC = b"GGUF"


class WeightsError(SeawallError):
    """The weights of a model cannot be had, or are not what they should be."""


def models_dir() -> Path:
    """``models`` in ``SEAWALL_CACHE``, else in ``seawall`` under ``XDG_CACHE_HOME`` or
    ``~/.cache``. A relative ``XDG_CACHE_HOME`` counts as unset, as the XDG base directory
    specification demands. Raises ``WeightsError`` where there is no home directory."""
    chosen = os.environ.get("SEAWALL_CACHE")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "")
    if not chosen and cache.is_absolute():
        return cache / "seawall" / "models"
    try:
        return Path(chosen or "~/.cache/seawall").expanduser().absolute() / "models"
    except RuntimeError:
        raise WeightsError(
            "there is no home directory to keep weights in; set SEAWALL_CACHE to a directory"
        ) from None


def kept_at(model: Model) -> Path:
    """Where the weights of ``model`` are kept once they were pulled."""
    return models_dir() / f"{model.name}{model.suffix}"


def is_whole(model: Model) -> bool:
    """Whether the weights are there at full length. Their hash was checked when they were
    pulled; reading a gigabyte again at each start would cost seconds."""
    try:
        return all(kept_at(file).stat().st_size == file.size for file in model.files)
    except OSError:
        return False


def installed() -> tuple[str, ...]:
    """The names of the pinned models whose weights are in the cache."""
    return tuple(name for name, model in MODELS.items() if is_whole(model))


def named(name: str) -> Model:
    """The pinned model ``name``. Raises ``WeightsError`` for a name nobody knows."""
    if name in MODELS:
        return MODELS[name]
    near = difflib.get_close_matches(name, MODELS, 1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise WeightsError(
        f"there is no embedded model {name!r}; {hint}known: {', '.join(MODELS)}. "
        "Any other model is named by its GGUF file: local/ and the file's path"
    )


def resolve(name_or_path: str) -> Path:
    """The GGUF file of a pinned model or of any path.

    A path has a slash or ends in ``.gguf``. Raises ``WeightsError`` for an unknown name,
    weights that are not cached, and a file that is missing, unreadable or no GGUF.
    """
    if "/" in name_or_path or name_or_path.endswith(".gguf"):
        path = Path(name_or_path).expanduser().absolute()
        _check(path, f"correct the path, or take a pinned model: {', '.join(MODELS)}")
        return path
    model = named(name_or_path)
    if model.kind != "chat":
        raise WeightsError(f"{model.name} makes {model.kind} and does not chat; ask it to embed")
    path = kept_at(model)
    remedy = f"run: seawall local pull {model.name}"
    _check(path, remedy)
    if not is_whole(model):
        found = path.stat().st_size
        raise WeightsError(f"{path} has {found:,} bytes instead of {model.size:,}; {remedy}")
    return path


def _check(path: Path, remedy: str) -> None:
    try:
        with path.open("rb") as file:
            magic = file.read(len(_MAGIC))
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error.strerror}); {remedy}") from error
    if magic != _MAGIC:
        raise WeightsError(
            f"{path} is no GGUF file: it begins with {magic!r}, not {_MAGIC!r}; {remedy}"
        )


def require(model: Model) -> tuple[Path, ...]:
    """The files of a model that is no GGUF. Raises ``WeightsError`` if they are not cached."""
    if not is_whole(model):
        raise WeightsError(f"{model.name} is not here; run: seawall local pull {model.name}")
    return tuple(kept_at(file) for file in model.files)
