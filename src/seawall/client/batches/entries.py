"""The ledger's entries for the items of a batch: one each, however often they are read."""

from __future__ import annotations

from hashlib import sha256

from ...core import Decision
from ...errors import Fault
from ...ports import Clock, Recorder
from ...records import Ended, Started
from ...sinks import conceal
from ...sinks.batches import BatchFile, BatchItemRecord
from ...types import Response, Usage

__all__ = ["Entries"]


class Entries:
    """Records what became of the requests of ``file``. An item's entry has the same id whoever
    writes it, so that a second one takes the first one's place. ``settled``: all are recorded."""

    def __init__(self, recorder: Recorder | None, clock: Clock, file: BatchFile) -> None:
        self._recorder = recorder
        self._clock = clock
        self._file = file
        self.settled = file.last("settled") is not None

    def cost(self, response: Response | None) -> int | None:
        """Nano-USD at the price of a batch; ``None`` if nothing was used or it is not known."""
        price = self._file.plan.price
        usage = None if response is None else response.usage
        return None if price is None or usage is None else price.cost(usage)

    def record(self, id: str, response: Response | None, fault: Fault | None) -> None:
        """Raises ``LedgerError`` when it cannot be kept."""
        if self._recorder is None or self.settled:
            return
        item = self._file.item(id)
        started = self._started(item)
        self._recorder.start(started)
        self._recorder.end(self._ended(started, item, response, fault))

    def _started(self, item: BatchItemRecord) -> Started:
        plan = self._file.plan
        print_ = sha256(f"{plan.handle}\0{item.id}".encode(errors="surrogatepass")).hexdigest()
        return Started(
            id=f"{int(plan.at * 1000):012x}{print_[:16]}",
            at=plan.at,
            requested=plan.requested,
            operation="batch",
            route=plan.model,
            price=plan.price,
            candidates=(plan.model,),
            feature=plan.feature,
            tags=plan.tags,
            prompt_name=plan.prompt_name,
            prompt_version=plan.prompt_version,
            messages=item.messages,
            content=plan.content,
            prompt_tokens_estimate=item.tokens,
        )

    def _ended(
        self,
        started: Started,
        item: BatchItemRecord,
        response: Response | None,
        fault: Fault | None,
    ) -> Ended:
        plan = self._file.plan
        used = None if response is None else response.usage or _estimated(response, item.tokens)
        cost = None if used is None or plan.price is None else plan.price.cost(used)
        ended = Ended(
            id=started.id,
            at=self._clock.time(),
            outcome="finished" if fault is None else "fault",
            model="" if response is None else plan.model,
            response=conceal(response, plan.content),
            finish_reason=None if response is None else response.finish_reason,
            cost_nano_usd=cost,
            attempts=1,
            decision=Decision(
                candidates=[plan.model], notes=[f"request {item.id!r} of batch {plan.handle}"]
            ),
        )
        if cost is not None:
            exact = response is not None and response.usage is not None
            ended.cost_state = "exact" if exact else "estimated"
        if fault is not None:
            ended.error_kind, ended.error_message = fault.kind, str(fault)
        return _with_usage(ended, used)


def _estimated(response: Response, tokens: int) -> Usage:
    completion = -(-len(response.text) // 4)
    return Usage(
        prompt_tokens=tokens, completion_tokens=completion, total_tokens=tokens + completion
    )


def _with_usage(ended: Ended, usage: Usage | None) -> Ended:
    if usage is not None:
        ended.prompt_tokens = usage.prompt_tokens
        ended.completion_tokens = usage.completion_tokens
        ended.total_tokens = usage.total_tokens
        ended.cached_tokens = usage.cached_tokens
        ended.cache_write_tokens = usage.cache_write_tokens
        ended.reasoning_tokens = usage.reasoning_tokens
    return ended
