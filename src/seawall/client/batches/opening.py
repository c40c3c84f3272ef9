"""Batches as the clients open them: submitted anew, or taken up again."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from ...core.hopeless import gone
from ...errors import (
    CallNotFoundError,
    ClosedError,
    ConfigError,
    UnknownSubmissionError,
    UnsupportedError,
)
from ...output import target
from ...ports import Validator
from ...sinks.batches import BatchFile, batch_files
from ...types import Format
from ..assemble import Assembly, models_of
from ..options import decide
from ..tags import tags_of
from .asked import BatchRequests, check_batch, requests_of
from .batch import AsyncBatch
from .place import Place, place_of
from .steps import Steps
from .submitting import Load, submit, write

__all__ = ["known", "resume", "start"]

_log = logging.getLogger("seawall.batches")


async def start(
    assembly: Assembly, requests: BatchRequests, options: Mapping[str, Any]
) -> AsyncBatch:
    """Submit ``requests``; everything that can be wrong with them is told before."""
    _check_open(assembly)
    check_batch(options)
    models = models_of(options.get("model"), assembly.settings.model)
    place = place_of(assembly, models)
    if place.route.retired:
        raise gone(place.route)
    validator, wanted = _wanted(options)
    steps = _steps(assembly, place, options)
    file = BatchFile.create(assembly.dir, **_plan(assembly, place, models[0], options))
    load = Load(place, file.plan.handle)
    asked = requests_of(requests, options, models[0], wanted)
    try:
        await write(asked, load, place.route, file)
    except BaseException:
        file.forget()
        raise
    batch = AsyncBatch(assembly, place, steps, file, validator)
    batch.notes.extend(load.notes)
    try:
        batch.status = await submit(steps, place, load, file)
    except UnknownSubmissionError as unknown:
        await _look(batch, unknown)
    except BaseException:
        if batch.state == "unsent":
            file.forget()
        raise
    return batch


async def _look(batch: AsyncBatch, unknown: UnknownSubmissionError) -> None:
    """The answer to the submission is lost, but not what it did: look once. Raises ``unknown``
    if that finds nothing."""
    try:
        await batch.refresh()
    except Exception as error:
        unknown.add_note(f"looking for it failed, too: {error}")
    if batch.state == "unknown":
        raise unknown


def resume(assembly: Assembly, handle: str, options: Mapping[str, Any]) -> AsyncBatch:
    """The batch of ``handle``, ours or the provider's. Raises ``CallNotFoundError``."""
    _check_open(assembly)
    check_batch(options)
    file = BatchFile.named(assembly.dir, handle)
    if file is None:
        opened = batch_files(assembly.dir)
        file = next((each for each in opened if handle and _id(each) == handle), None)
    if file is None:
        raise CallNotFoundError(f"no batch {handle!r} is on file in {assembly.dir / 'batches'}")
    return _resumed(assembly, file, options)


def known(assembly: Assembly, options: Mapping[str, Any]) -> list[AsyncBatch]:
    """Every batch on file whose vendor is set up, oldest first."""
    _check_open(assembly)
    found: list[AsyncBatch] = []
    for file in batch_files(assembly.dir):
        try:
            found.append(_resumed(assembly, file, options))
        except (ConfigError, UnsupportedError) as error:
            _log.warning("batch %s is left out: %s", file.plan.handle, error)
    return found


def _resumed(assembly: Assembly, file: BatchFile, options: Mapping[str, Any]) -> AsyncBatch:
    place = place_of(assembly, (file.plan.model,))
    place = replace(place, route=replace(place.route, retired=""))
    validator, _ = _wanted(options)
    return AsyncBatch(assembly, place, _steps(assembly, place, options), file, validator)


def _id(file: BatchFile) -> str:
    step = file.last("accepted", "adopted")
    return "" if step is None else step.value


def _check_open(assembly: Assembly) -> None:
    if assembly.closed:
        raise ClosedError("the client is closed; make a new one")


def _wanted(options: Mapping[str, Any]) -> tuple[Validator | None, Format | None]:
    if options.get("output") is None:
        return None, None
    validator = target(options["output"])
    return validator, Format(type="json_schema", name=validator.name, schema=validator.schema)


def _steps(assembly: Assembly, place: Place, options: Mapping[str, Any]) -> Steps:
    settings = assembly.router.policies(place.route.name)
    return Steps(assembly, place.route, decide(assembly.settings.defaults, settings, options))


def _plan(
    assembly: Assembly, place: Place, requested: str, options: Mapping[str, Any]
) -> Mapping[str, Any]:
    tags = tags_of(options)
    kept = assembly.settings.ledger
    return {
        "model": place.route.name,
        "api": place.offer.api,
        "requested": requested,
        "feature": tags.get("feature", ""),
        "tags": tags.get("tags"),
        "prompt_name": tags.get("prompt"),
        "prompt_version": tags.get("prompt_version"),
        "price": place.price(assembly.clock.time()),
        "content": kept.content if kept.enabled else "none",
    }
