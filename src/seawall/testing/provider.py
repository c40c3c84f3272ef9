"""The simulator as tests use it: a provider at a URL, told from the test how to fail."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from ..simulator import Answer, Quota, Rule, Script, Simulator, load_script
from .threaded import ThreadedServer

__all__ = ["SimulatedProvider"]


class SimulatedProvider(Simulator):
    """A ``Simulator`` that serves at ``url`` (on a thread, from the first look at it), for
    clients of any kind. In process, and on a clock of your own, ``transport`` is quicker.

    ``faults`` are names or rules (``429:requests=1+3``); ``rpm`` and ``tpm`` quotas; ``script``
    the path of a TOML file that the others are added to.
    """

    def __init__(
        self,
        *faults: str | Rule,
        answer: str | Answer | None = None,
        script: str | Path | None = None,
        rpm: int | None = None,
        tpm: int | None = None,
        speed: float = 1.0,
        seed: int | None = None,
    ) -> None:
        told = Script() if script is None else load_script(script)
        text = answer if isinstance(answer, str) else told.answer
        quota = told.quota if rpm is None and tpm is None else Quota(requests=rpm, tokens=tpm)
        told = replace(told, answer=text, quota=quota, seed=told.seed if seed is None else seed)
        super().__init__(told, answer=None if isinstance(answer, str) else answer, speed=speed)
        self._server: ThreadedServer | None = None
        self.fail(*faults)

    @property
    def url(self) -> str:
        """The base URL for clients, such as ``http://127.0.0.1:41234/v1``."""
        return f"{self.origin}/v1"

    @property
    def origin(self) -> str:
        """The base URL for the SDKs that add the version by themselves (anthropic, cohere,
        google-genai), such as ``http://127.0.0.1:41234``."""
        if self._server is None:
            self._server = ThreadedServer(self.handle)
        return self._server.url

    def close(self) -> None:
        """Stop serving. The log stays."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
