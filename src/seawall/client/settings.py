"""The shape of the settings: what may stand in ``seawall.toml``."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from ..layers.breaker import Breaker
from ..layers.retry import Retry
from ..ports import Quirks, Secret, Timeouts
from ..vendors import Prices

__all__ = [
    "LedgerSettings",
    "LocalSettings",
    "ModelSettings",
    "Policies",
    "Settings",
    "VendorSettings",
]

DEFAULT_MODEL = "local/qwen2.5-coder-1.5b"


class VendorSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[vendors.NAME]``: a vendor that is not built in, or changes to one that is."""

    dialect: str | None = None
    transport: str | None = None
    base_url: str | None = None
    key: Secret | None = None
    auth_header: str | None = None
    auth_scheme: str | None = None
    headers: dict[str, str] | None = None
    quirks: Quirks | None = None


class Policies(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[defaults]``: the policies of every route. ``false`` switches one off."""

    retry: Retry | Literal[False] = Retry()
    breaker: Breaker | Literal[False] = Breaker()
    deadline: Timeouts = Timeouts()
    fallback_reply: str | None = None
    reasks: int = 2


class ModelSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[models.NAME]``: with ``route`` an alias, tried in order; without, facts about the
    model called ``vendor/model``."""

    route: tuple[str, ...] = ()
    retry: Retry | Literal[False] | None = None
    breaker: Breaker | Literal[False] | None = None
    deadline: Timeouts | None = None
    fallback_reply: str | None = None
    reasks: int | None = None
    price: Prices | None = None
    window: int | None = None


class LedgerSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[ledger]``. ``keep_days`` and ``keep_bytes`` bound what is kept."""

    enabled: bool = True
    dir: str | None = None
    content: Literal["full", "hashed", "none"] = "full"
    sync: Literal["none", "group"] = "group"
    keep_days: float | None = None
    keep_bytes: int | None = None


class LocalSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[local]``: the child processes of the embedded models; see ``transports.local.Engine``.
    ``queue``: calls that may wait for a model in each process."""

    context: int = 4096
    slots: int = 1
    threads: int | None = None
    grace: float = 60.0
    start: float = 120.0
    queue: int = 64


class Settings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole file. ``model`` is asked when a call names none."""

    model: str = DEFAULT_MODEL
    vendors: dict[str, VendorSettings] = {}
    models: dict[str, ModelSettings] = {}
    defaults: Policies = Policies()
    ledger: LedgerSettings = LedgerSettings()
    local: LocalSettings = LocalSettings()
