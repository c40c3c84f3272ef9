"""The names under which ``llm`` knows Seawall."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import llm

from ...client.aio import AsyncSeawall
from ...errors import SeawallError
from ...vendors.aliases import aliases
from .models import AsyncSeawallModel, SeawallModel, client

__all__ = ["register_models"]


@llm.hookimpl
def register_models(register: Any) -> None:
    """``seawall`` asks the settings' model, or the one that its option ``model`` names;
    ``seawall/NAME`` an alias or a known model whose key is set."""
    register(SeawallModel("seawall"), AsyncSeawallModel("seawall"))
    try:
        names = list(_names(client()))
    except SeawallError:
        return  # wrong settings must not stop other models; asking seawall says what is wrong
    for name in names:
        register(SeawallModel(f"seawall/{name}", name), AsyncSeawallModel(f"seawall/{name}", name))


def _names(asking: AsyncSeawall) -> Iterable[str]:
    settings, router = asking.assembly.settings, asking.assembly.router
    own = [name for name, entry in settings.models.items() if entry.route]
    known = [f"{v}/{name}" for v in router.vendors for name in router.vendor(v).models]
    for name in dict.fromkeys((*own, *aliases(), *known)):
        try:
            router.routes((name,))
        except SeawallError:
            continue
        yield name
