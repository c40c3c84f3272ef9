"""Faults that come instead of an answer: the provider's errors, and a page of a proxy's."""

from __future__ import annotations

from collections.abc import Iterator

from ...server import Head
from ..apis import RetryAfter, Trouble
from ..plan import Step
from ..scene import Play, Scene

__all__ = ["empty", "html", "refuse", "unavailable"]


def refuse(trouble: Trouble, form: RetryAfter | None = None) -> Play:
    """An error of the provider; ``form``: how it asks to wait, if it does."""

    def play(scene: Scene) -> Iterator[Step]:
        return scene.refuse(scene.api.refusals[trouble], form)

    return play


def unavailable(status: int, title: str) -> Play:
    """What a proxy says in place of the provider behind it."""

    def play(scene: Scene) -> Iterator[Step]:
        return _page(scene, status, title)

    return play


def html(scene: Scene) -> Iterator[Step]:
    return _page(scene, 200, "Welcome")


def empty(scene: Scene) -> Iterator[Step]:
    if scene.answer.streamed:
        yield scene.head()
    else:
        yield scene.head(0)


def _page(scene: Scene, status: int, title: str) -> Iterator[Step]:
    page = (
        f"<!doctype html>\n<html><head><title>{title}</title></head>\n"
        f"<body><h1>{title}</h1><hr>nginx</body></html>\n"
    ).encode()
    more = {"content-type": "text/html", "content-length": str(len(page))}
    head: Head = scene.headed(status, more)
    yield head
    yield page
