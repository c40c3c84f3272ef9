"""Where a vendor is found when that depends on an account: the words for it in a row."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from ..dialects.hosted import Hosting
from ..ports import Quirks

__all__ = ["USUAL_SDKS", "Family", "SdkClient", "Variable"]


class Variable(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, kw_only=True):
    """A part of an address, ``{its_name}`` in the row's templates.

    It is what the settings say, else the first of ``env`` that is set. ``of`` names another
    variable and ``cases`` what this one is for some of its values. Else it is ``default``, a
    template itself; without that it has to be set.
    """

    env: tuple[str, ...] = ()
    of: str = ""
    cases: dict[str, str] = {}
    default: str | None = None


class SdkClient(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, kw_only=True):
    """How the vendor's official SDK makes its client, for the transport ``sdk``.

    ``client``: its class, as ``module:name``. ``extra``: which extra of Seawall's brings it.
    ``arguments``: what it is made with, texts being templates in which ``{base_url}`` is known
    too. ``key_as``: the argument that takes the key if one is set. Without one the SDK looks for
    credentials by itself, or, with a ``scope``, is given Azure's tokens for it as ``token_as``.
    """

    client: str
    extra: str
    arguments: dict[str, Any] = {}
    key_as: str = "api_key"
    token_as: str = ""
    scope: str = ""


class Family(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, kw_only=True):
    """Models of a vendor that are asked in another way than its others; what is not named stays
    as the vendor's row has it."""

    dialect: str | None = None
    hosting: Hosting | None = None
    quirks: Quirks | None = None
    sdk: SdkClient | None = None


_AT = {"base_url": "{base_url}"}
_OPENAI = SdkClient(client="openai:AsyncOpenAI", extra="sdk", arguments=_AT)
#: The SDK that speaks a dialect, for rows that name none.
USUAL_SDKS = {
    "anthropic": SdkClient(client="anthropic:AsyncAnthropic", extra="sdk", arguments=_AT),
    "gemini": SdkClient(client="google.genai:Client", extra="sdk", arguments=_AT),
    "openai_chat": _OPENAI,
    "openai_responses": _OPENAI,
}
