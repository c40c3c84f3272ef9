"""LiteLLM's ``api_base`` as a base URL of ours."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from ...client.routes import url_problem
from ...secret_patterns import redact
from .providers import Provider
from .references import ENVIRON, reference, variables_of

__all__ = ["address", "elsewhere", "host_name", "problem"]


def elsewhere(base: str | None) -> bool:
    return base is not None and _host(base) != "api.openai.com"


def _host(base: str) -> str:
    try:
        return urlsplit(base).hostname or ""
    except ValueError:
        return ""


def host_name(base: str) -> str:
    """What to call a server by its address: its host without what all have."""
    if base.startswith(ENVIRON):
        name = re.sub(r"_(API_BASE|BASE_URL|API_URL|URL|ENDPOINT)$", "", base[len(ENVIRON) :])
    else:
        name = re.sub(r"^(api|www)\.|\.(com|ai|org|net|io|dev)$", "", _host(base))
    name = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return name if re.search("[a-z]", name) and name != "localhost" else "server"


def address(given: str, provider: Provider) -> str:
    """The base URL for what LiteLLM is given; ``problem`` says whether it can be one."""
    base = (reference(given) or "").rstrip("/")
    if provider.vendor == "azure" and not variables_of(base) and not problem(base.split("?")[0]):
        parts = urlsplit(base)
        base = f"{parts.scheme}://{parts.netloc}"
    for tail in provider.trimmed:
        base = base.removesuffix(tail)
    return base + provider.ending if base else ""


def problem(base: str) -> str:
    """What is wrong with ``base``; empty if nothing is. It is not shown: it may hold a key."""
    if variables_of(base):
        return ""
    if redact(base) != base or url_problem(base):
        return "it is no HTTP address, or holds a user name, a key or a query"
    return ""
