"""The composition root: the one place where every room meets."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, cast

from ..config import Sources, shape
from ..core import Call, Handler, Layer, Reply, Route, SystemClock, compose, run, send
from ..errors import ClosedError, ConfigError
from ..layers.attempt import attempt
from ..layers.breaker import Breaker, Circuit
from ..layers.bridges.pybreaker import breaker_layer
from ..layers.fallback import FallbackLayer
from ..layers.ledger import LedgerLayer
from ..layers.reask import ReaskLayer
from ..layers.recovery import RecoveryLayer, hold
from ..layers.repeats import Failed, Question, RepeatsLayer
from ..layers.retry import Retry, RetryBudget, RetryLayer
from ..output import reask, target
from ..ports import Clock, Transport, Validator
from ..sinks import Journal, conceal, default_dir
from ..types import Format
from .inputs import Messages, build
from .options import CallPolicies, check, decide, decides, inherited
from .routes import Router
from .settings import Settings, inherit
from .tags import tags_of

__all__ = ["Assembly", "Prepared", "models_of"]


#: Kept for reuse. Names of models may come from callers, in any number.
_MOST_PATHS = 2000


class Prepared:
    """A call that is ready to run, and the handler it runs through."""

    __slots__ = ("call", "handler", "validator")

    def __init__(self, call: Call, handler: Handler, validator: Validator | None) -> None:
        self.call = call
        self.handler = handler
        self.validator = validator

    async def run(self) -> Reply:
        return await run(self.handler, self.call)


class Assembly:
    """What the clients made of one another by ``with_options`` share: settings, connections,
    circuits, retry budgets and the ledger."""

    def __init__(
        self,
        sources: Sources,
        *,
        transports: Mapping[str, Transport] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.sources = sources
        self.settings = inherit(shape(sources, Settings), sources.tree())
        self.clock: Clock = clock or SystemClock()
        self.router = Router(self.settings, sources.variables, transports, sources.origin)
        self.circuits: dict[str, Circuit] = {}
        self._budgets: dict[str, RetryBudget] = {}
        self._failures: dict[Question, Failed] = {}
        self._paths: dict[tuple[str, ...], tuple[CallPolicies, Handler]] = {}
        self.closed = False
        kept = self.settings.ledger
        self.dir = default_dir(sources.variables, kept.dir)
        self.journal = (
            Journal(self.dir, sync=kept.sync, keep_days=kept.keep_days, keep_bytes=kept.keep_bytes)
            if kept.enabled
            else None
        )

    def prepare(self, messages: Messages, options: Mapping[str, Any], *, stream: bool) -> Prepared:
        """Everything that can be wrong with a question is told here, before anything is sent."""
        if self.closed:
            raise ClosedError("the client is closed; make a new one")
        check(options)
        models = models_of(options.get("model", self.settings.model), self.settings.model)
        policies, handler = self._path(models, options)
        wanted = options.get("output")
        validator = None if wanted is None else target(wanted)
        request = build(
            messages,
            options,
            model=models[0],
            stream=stream,
            wanted=None if validator is None else _format(validator),
        )
        granted, deadline = None, policies.deadline
        if options.get("inherited"):
            granted, deadline = inherited(options["inherited"], deadline)
        call = Call(
            request,
            self.clock,
            timeouts=deadline,
            tags=tags_of(options),
            attempts_left=granted,
        )
        if validator is not None and not stream:
            asking = ReaskLayer(validator, policies.reasks, reask)
            handler = self.recorded(asking(self._handler(models, policies)))
        return Prepared(call, handler, validator)

    def _path(
        self, models: tuple[str, ...], options: Mapping[str, Any]
    ) -> tuple[CallPolicies, Handler]:
        """The policies and the handler for a call; kept when the call does not set its own."""
        usual = not decides(options)
        path = self._paths.get(models) if usual else None
        if path is None:
            policies = decide(self.settings.defaults, self.router.policies(models[0]), options)
            path = policies, self.recorded(self._handler(models, policies))
            if usual:
                if len(self._paths) >= _MOST_PATHS:
                    self._paths.clear()
                self._paths[models] = path
        return path

    def _handler(self, models: tuple[str, ...], policies: CallPolicies) -> Handler:
        return self.handler(*self.router.routes(models), policies)

    def handler(
        self,
        routes: Sequence[Route],
        missing: Sequence[tuple[str, str]],
        policies: CallPolicies,
        sender: Handler = send,
    ) -> Handler:
        """How a call is answered by one of ``routes``; ``missing`` cannot be taken, and why.
        ``sender`` asks one of them once."""
        routing: Layer = FallbackLayer(routes, missing, policies.fallback_reply)
        if policies.recovery == "resume":
            routing = RecoveryLayer(routing, policies.retry, self._budgets)
        layers = [routing, *self._policies(policies.retry, policies.breaker)]
        if policies.recovery == "hold":
            layers.append(hold)
        return compose(layers, sender)

    def recorded(self, handler: Handler) -> Handler:
        """``handler``, and the ledger outside it."""
        if self.journal is None:
            return handler
        return LedgerLayer(self.journal, self.settings.ledger.content, conceal)(handler)

    def _policies(self, retry: Retry | None, breaker: Breaker | None) -> list[Layer]:
        layers: list[Layer] = []
        if retry is not None:
            if retry.repeats:
                layers.append(RepeatsLayer(retry, self._budgets, self._failures))
            layers.append(RetryLayer(retry, self._budgets))
        layers.append(attempt)
        if breaker is not None:
            layers.append(breaker_layer(breaker, self.circuits))
        return layers

    async def disconnect(self) -> None:
        """Close connections and child processes."""
        for transport in self.router.transports:
            await transport.aclose()

    def settle(self) -> None:
        """Bring the ledger up to date; waits for the disk."""
        if self.journal is not None:
            self.journal.close()

    async def aclose(self) -> None:
        """Refuse new calls, ``disconnect``, then ``settle``."""
        self.closed = True
        await self.disconnect()
        await asyncio.to_thread(self.settle)


def models_of(given: Any, usual: str) -> tuple[str, ...]:
    """The models a call names, or the ``usual`` one. Raises ``ConfigError`` for what is no name."""
    given = usual if given is None else given
    if type(given) is str and given:
        return (given,)
    models: tuple[Any, ...] = ()
    if isinstance(given, Sequence):
        models = (given,) if isinstance(given, str) else tuple(cast("Sequence[Any]", given))
    # An empty name is a variable that was not set, hardly a wish for the default.
    if not models or not all(isinstance(model, str) and model for model in models):
        raise ConfigError(f"model is {given!r}; give a name, or several to be tried in order")
    return models


def _format(validator: Validator) -> Format:
    return Format(type="json_schema", name=validator.name, schema=validator.schema)
