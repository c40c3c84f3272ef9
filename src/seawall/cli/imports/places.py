"""Where LiteLLM's deployments are: provider, address, key and headers; each becomes a vendor."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from ...config.sources import SECRET_FIELD
from ...secret_patterns import redact
from ...vendors import Vendor, built_in
from .addresses import address, elsewhere, host_name, problem
from .notices import shown
from .providers import ELSEWHERE, PROVIDERS, Provider, guess
from .references import reference, writable
from .section import Section

__all__ = ["Place", "Places"]

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
#: What is written for the key of a server that wants none.
_NO_KEYS = frozenset({"", "none", "null", "empty", "dummy", "fake", "fake-key", "anything"})


class Place(Struct, frozen=True):
    """``vendor``: the built-in one (``row``), to which the rest are changes, or the name it would
    like to have. ``key`` is ``None`` where the vendor's usual one is meant, or none is wanted."""

    vendor: str
    row: bool
    base_url: str | None = None
    key: str | None = None
    transport: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    variables: tuple[tuple[str, str], ...] = ()

    @property
    def plain(self) -> bool:
        """Whether the built-in vendor can be asked as it is."""
        return self == Place(self.vendor, True)

    def table(self, name: str) -> dict[str, Any]:
        """The vendor's table when it is called ``name``; empty if there is nothing to say."""
        table: dict[str, Any] = {}
        if not self.row:
            table["dialect"] = "openai_chat"
        elif name != self.vendor:
            table["like"] = self.vendor
        for field in ("base_url", "key", "transport"):
            if getattr(self, field) is not None:
                table[field] = getattr(self, field)
        for field in ("headers", "variables"):
            if getattr(self, field):
                table[field] = dict(getattr(self, field))
        return table


class Places:
    """Finds the place of each deployment, and names the variables that keys are moved to.
    ``taken``: the variables that the file itself refers to."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = set(taken)
        self._moved: dict[str, str] = {}

    def find(self, params: Section) -> tuple[Place, str, str | None] | None:
        """The place, the model's name there, and the dialect if it is not the vendor's usual
        one; ``None`` for what cannot be asked, which is told."""
        model = params.text("model")
        if not model:
            params.tell("model", "it is missing", "Name the model, and import again")
            return None
        if model == "*":
            params.tell("model", "any model of any vendor can be asked", "Ask vendor/MODEL")
            return None
        prefix, name = _split(model, params.text("custom_llm_provider"))
        given = params.text("api_base") or params.text("base_url")
        provider = self._provider(params, prefix, given)
        if provider is None:
            return None
        name, dialect = _named(name, provider)
        if not name.startswith(provider.models):
            why = f"of this provider's models only {', '.join(provider.models)}... can be asked"
            params.tell("model", why, "Leave it where it is")
            return None
        if not writable(name):
            params.tell("model", "its name cannot be written here", "Ask it by vendor/model")
            return None
        place = self._place(params, provider, given)
        return None if place is None else (place, name, dialect)

    def _provider(self, params: Section, prefix: str | None, base: str | None) -> Provider | None:
        if prefix in ELSEWHERE:
            params.tell("model", ELSEWHERE[prefix], "Leave it where it is")
            return None
        known = PROVIDERS.get(prefix or "")
        if known is not None and not (known.vendor == "openai" and elsewhere(base)):
            if built_in(known.vendor) is not None or (
                known.compatible and (known.base_url or base)
            ):
                return known
            if not known.compatible:
                why = f"there is no vendor {known.vendor!r} yet"
                params.tell("model", why, "Leave it where it is")
                return None
        if base:
            if known is None and prefix is not None:
                params.tell(
                    "model",
                    f"the provider {shown(prefix)} is not known here; its server is taken for "
                    "one that speaks OpenAI's chat completions",
                    "Try it",
                )
            return Provider(vendor=host_name(base), compatible=True)
        params.tell(
            "model",
            "its provider is not known here, and it has no api_base",
            "Write [vendors.NAME] with its base_url, if it speaks OpenAI's chat completions",
        )
        return None

    def _place(self, params: Section, provider: Provider, given: str | None) -> Place | None:
        base = provider.base_url if given is None else address(given, provider)
        wrong = "" if base is None else problem(base)
        if wrong:
            params.tell("api_base", wrong, "Write [vendors.NAME] base_url by hand")
            return None
        row = None if provider.compatible else built_in(provider.vendor)
        if row is not None and base == row.base_url:
            base = None
        if provider.transport is not None:
            params.tell(
                "model",
                "its identity is the cloud's own, as its official SDK finds it",
                f'Run: pip install "seawall[{provider.vendor}]"',
            )
        return Place(
            vendor=provider.vendor,
            row=row is not None,
            base_url=base,
            key=self._key(params, provider, row, base),
            transport=provider.transport,
            headers=tuple(self._headers(params, provider).items()),
            variables=tuple(_variables(params, provider)),
        )

    def _key(
        self, params: Section, provider: Provider, row: Vendor | None, base: str | None
    ) -> str | None:
        given = params.text("api_key")
        usual = row.key_env if row is not None else None
        if given is None:
            key = None if provider.key is None else f"${{{provider.key}}}"
        elif given.strip().lower() in _NO_KEYS:
            return None
        else:
            key = reference(given)
            if key is None or key == given:
                wanted = usual or provider.key or f"{_upper(provider.vendor)}_API_KEY"
                key = self._moved_to(params, "api_key", given, wanted)
        return None if base is None and usual is not None and key == f"${{{usual}}}" else key

    def _moved_to(self, params: Section, name: str, secret: str, wanted: str) -> str:
        variable = self._moved.get(secret)
        if variable is None:
            numbered = (f"{wanted}_{number}" for number in itertools.count(2))
            names = itertools.chain([wanted], numbered)
            variable = next(name for name in names if name not in self._taken)
            self._taken.add(variable)
            self._moved[secret] = variable
        params.tell(
            name,
            "a secret stands in the file, and secrets are never written",
            f"Set {variable} to it, and have it changed if others can read the file",
        )
        return f"${{{variable}}}"

    def _headers(self, params: Section, provider: Provider) -> dict[str, str]:
        found: dict[str, str] = {}
        for field in ("extra_headers", "headers"):
            inner = params.table(field)
            for name in inner.names():
                value = self._header(inner, name, provider)
                if value is not None:
                    found[name] = value
        organization = params.take("organization")
        if isinstance(organization, str) and reference(organization) is not None:
            found["openai-organization"] = str(reference(organization))
        elif organization is not None:
            params.tell("organization", "it is not one name", "Write a vendor for each of them")
        return found

    def _header(self, inner: Section, name: str, provider: Provider) -> str | None:
        text = inner.text(name)
        value = None if text is None else reference(text)
        if text is None or value is None or not _TOKEN.fullmatch(name) or "\n" in text:
            if text is not None:
                inner.tell(name, "it cannot be written here", "Set it by hand")
            return None
        if value == text and (SECRET_FIELD.search(name) or redact(text) != text):
            wanted = f"{_upper(provider.vendor)}_{_upper(name)}"
            return self._moved_to(inner, name, text, wanted)
        return value


def _variables(params: Section, provider: Provider) -> Iterator[tuple[str, str]]:
    for name, ours in provider.variables.items():
        given = params.text(name)
        value = None if given is None else reference(given)
        if value is not None and redact(value) == value:
            yield ours, value
        elif given is not None:
            params.tell(name, "it cannot be written here", "Set it by hand")


def _split(model: str, provider: str | None) -> tuple[str | None, str]:
    prefix, slash, name = model.partition("/")
    if provider is not None:
        return provider, name if slash and prefix == provider else model
    if slash and (prefix in PROVIDERS or prefix in ELSEWHERE):
        return prefix, name
    guessed = guess(model)
    if guessed is not None:
        return guessed, model
    return (prefix, name) if slash else (None, model)


def _named(name: str, provider: Provider) -> tuple[str, str | None]:
    first, slash, rest = name.partition("/")
    if slash and first in provider.within:
        return rest, None
    if slash and first == "responses" and provider.vendor in ("openai", "azure"):
        return rest, "openai_responses"
    return name, None


def _upper(name: str) -> str:
    return re.sub(r"[^A-Z0-9]+", "_", name.upper()).strip("_") or "SEAWALL"
