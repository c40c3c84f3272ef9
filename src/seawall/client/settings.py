"""The shape of the settings: what may stand in ``seawall.toml``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from ..dialects.hosted import Hosting
from ..layers.breaker import Breaker
from ..layers.recovery import Recovery
from ..layers.retry import Retry
from ..ports import Quirks, Secret, Timeouts
from ..vendors import Prices, built_in
from ..vendors.places import SdkClient

__all__ = [
    "LedgerSettings",
    "LocalSettings",
    "ModelSettings",
    "Policies",
    "Settings",
    "VendorSettings",
    "check_deadline",
    "inherit",
]

DEFAULT_MODEL = "local/qwen2.5-coder-1.5b"


def check_deadline(deadline: Timeouts) -> None:
    """Raises ``ValueError`` for what is no span of time. ``inf`` is one, and never ends."""
    for name in deadline.__struct_fields__:
        seconds = getattr(deadline, name)
        if seconds is not None and not seconds > 0:
            raise ValueError(f"the deadline {name} is {seconds:g} s; it must be longer than 0 s")


class VendorSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[vendors.NAME]``: a vendor that is not built in, or changes to one that is. ``like``: the
    built-in vendor that it is but for what is said here, when ``NAME`` is another (a second
    account, a second region). ``variables`` fill in its row's templates."""

    like: str | None = None
    dialect: str | None = None
    transport: str | None = None
    base_url: str | None = None
    key: Secret | None = None
    auth_header: str | None = None
    auth_scheme: str | None = None
    headers: dict[str, Any] | None = None
    quirks: Quirks | None = None
    variables: dict[str, str] | None = None
    hosting: Hosting | None = None
    sdk: SdkClient | None = None
    operations: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        for name, value in (self.headers or {}).items():
            if not isinstance(value, (str, Secret)):
                raise ValueError(f"the header {name} is {value!r}; write text")


class Policies(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[defaults]``: the policies of every route. ``false`` switches one off."""

    retry: Retry | Literal[False] = Retry()
    breaker: Breaker | Literal[False] = Breaker()
    deadline: Timeouts = Timeouts()
    fallback_reply: str | None = None
    reasks: Annotated[int, Meta(ge=0)] = 2
    recovery: Recovery = "error"

    def __post_init__(self) -> None:
        check_deadline(self.deadline)


class ModelSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[models.NAME]``: with ``route`` an alias, tried in order; without, facts about the
    model called ``vendor/model``. ``dialect``: the one it is asked in, if not its vendor's.
    ``retired``: ``false`` if a model that is gone for others is still served to you. ``same_as``:
    the name that other vendors have for this model, for one that is called otherwise here."""

    route: tuple[str, ...] = ()
    retry: Retry | Literal[False] | None = None
    breaker: Breaker | Literal[False] | None = None
    deadline: Timeouts | None = None
    fallback_reply: str | None = None
    reasks: Annotated[int, Meta(ge=0)] | None = None
    recovery: Recovery | None = None
    price: Prices | None = None
    dialect: str | None = None
    window: Annotated[int, Meta(ge=1)] | None = None
    retired: Literal[False] | None = None
    same_as: str | None = None

    def __post_init__(self) -> None:
        if self.deadline is not None:
            check_deadline(self.deadline)


class LedgerSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[ledger]``. ``keep_days`` and ``keep_bytes`` bound what is kept."""

    enabled: bool = True
    dir: str | None = None
    content: Literal["full", "hashed", "none"] = "full"
    sync: Literal["none", "group"] = "group"
    keep_days: Annotated[float, Meta(gt=0)] | None = None
    keep_bytes: Annotated[int, Meta(gt=0)] | None = None


class LocalSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[local]``: the child processes of the embedded models; see ``transports.local.Engine``.
    ``queue``: calls that may wait for a model in each process."""

    context: Annotated[int, Meta(ge=1)] = 4096
    slots: Annotated[int, Meta(ge=1)] = 1
    threads: Annotated[int, Meta(ge=1)] | None = None
    grace: Annotated[float, Meta(ge=0)] = 60.0
    start: Annotated[float, Meta(gt=0)] = 120.0
    queue: Annotated[int, Meta(ge=0)] = 64


class Settings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole file. ``model`` is asked when a call names none."""

    model: str = DEFAULT_MODEL
    vendors: dict[str, VendorSettings] = {}
    models: dict[str, ModelSettings] = {}
    defaults: Policies = Policies()
    ledger: LedgerSettings = LedgerSettings()
    local: LocalSettings = LocalSettings()


def inherit(settings: Settings, tree: Mapping[str, Any]) -> Settings:
    """``tree`` became ``settings``: where one of its tables sets a part of a policy, or of a
    built-in vendor's quirks, the rest stays as the defaults or the vendor's row have it."""
    defaults = settings.defaults
    policies = {name: getattr(defaults, name) for name in ("retry", "breaker", "deadline")}
    models = {
        name: _filled(entry, tree["models"][name], policies)
        for name, entry in settings.models.items()
    }
    vendors = dict(settings.vendors)
    for name, entry in vendors.items():
        row = built_in(entry.like or name)
        if row is not None:
            vendors[name] = _filled(entry, tree["vendors"][name], {"quirks": row.quirks})
    return replace(settings, models=models, vendors=vendors)


S = TypeVar("S", bound=Struct)


def _filled(entry: S, given: Mapping[str, Any], before: Mapping[str, Any]) -> S:
    changes = {
        name: msgspec.convert({**msgspec.structs.asdict(base), **given[name]}, type(base))
        for name, base in before.items()
        if isinstance(base, Struct) and isinstance(given.get(name), Mapping)
    }
    return replace(entry, **changes)
