"""Faults of what is said: HTTP is in order, the body is not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import repeat

from ..apis import encode
from ..plan import Step, Wait
from ..scene import Scene

__all__ = [
    "bad_utf8",
    "duplicate_ids",
    "error_event",
    "extra_event",
    "garbled_event",
    "huge_body",
    "huge_event",
    "missing_ids",
    "no_finish",
    "no_mark",
    "split_utf8",
    "truncated_json",
]

_BLOCK = 64 * 1024
#: Long enough for a piece to leave as a packet of its own.
_APART = Wait(0.002)
_WIDE = re.compile(rb"[\xc2-\xf4][\x80-\xbf]+")
_DATA = b"data: "


def extra_event(scene: Scene) -> Iterator[Step]:
    """Between two events stands one that nobody can read; the answer itself is all there."""
    before, after = scene.parted()
    return scene.altered([*before, scene.api.places.broken, *after]).plain()


def garbled_event(scene: Scene) -> Iterator[Step]:
    """One event of the answer is broken, and what it carried lost."""
    before, after = scene.parted()
    if not before:
        return scene.plain()
    name, _, data = before[-1].rpartition(_DATA)
    lost = name + _DATA + data[: len(data) // 2] + b"\n\n"
    return scene.altered([*before[:-1], lost, *after]).plain()


def no_mark(scene: Scene) -> Iterator[Step]:
    return scene.send(scene.answer.pieces + scene.answer.finish)


def no_finish(scene: Scene) -> Iterator[Step]:
    return scene.send(scene.answer.pieces + scene.answer.mark)


def truncated_json(scene: Scene) -> Iterator[Step]:
    """The last JSON there is breaks off, and HTTP says that this is all."""
    before = scene.parted()[0]
    if not scene.answer.streamed:
        return scene.send(before)
    whole, half = before[:-1], b"".join(before[-1:])
    end = b"\n\n" if scene.answer.form == "events" else b""
    return scene.send([*whole, half[: max(8, len(half) // 2)] + end])


def error_event(scene: Scene) -> Iterator[Step]:
    """The provider gives up in the middle of a stream, or sends its error as a success."""
    told = scene.broken_off("failed")
    return scene.send([*scene.parted()[0], *told] if scene.answer.streamed else told)


def bad_utf8(scene: Scene) -> Iterator[Step]:
    """A byte that is no UTF-8 stands inside the answer's text, or its tool's arguments."""
    pieces = list(scene.answer.pieces)
    for place, piece in enumerate(pieces):
        found = scene.api.places.said.search(piece)
        if found is not None:
            pieces[place] = piece[: found.end()] + b"\xff" + piece[found.end() :]
            break
    return scene.altered(pieces).plain()


def split_utf8(scene: Scene) -> Iterator[Step]:
    """The pieces end inside code points (and inside words, if the answer has none that are
    wide). The answer is whole."""
    body = b"".join(scene.answer.whole)
    borders = [found.start() + 1 for found in _WIDE.finditer(body)][:_MOST_SPLITS]
    borders = borders or list(range(7, min(len(body), 7 * _MOST_SPLITS), 7))
    yield scene.head()
    for start, end in zip([0, *borders], [*borders, len(body)], strict=True):
        if start:
            yield _APART
        yield body[start:end]


_MOST_SPLITS = 100


def duplicate_ids(scene: Scene) -> Iterator[Step]:
    ids = _ids(scene)
    return _renamed(scene, [(one, ids[0]) for one in ids[1:]])


def missing_ids(scene: Scene) -> Iterator[Step]:
    ids = _ids(scene)
    return _renamed(scene, [(one + b",", b"") for one in ids] + [(b"," + one, b"") for one in ids])


def _ids(scene: Scene) -> Sequence[bytes]:
    """The ids of the answer's calls as they stand there."""
    calls = scene.answer.response.tool_calls
    return [scene.api.places.call_id + encode(call.id) for call in calls]


def _renamed(scene: Scene, changes: Sequence[tuple[bytes, bytes]]) -> Iterator[Step]:
    def renamed(piece: bytes) -> bytes:
        for old, new in changes:
            piece = piece.replace(old, new)
        return piece

    # The event that ends a stream may repeat the whole answer.
    finish = tuple(map(renamed, scene.answer.finish))
    return scene.altered(tuple(map(renamed, scene.answer.pieces)), finish).plain()


def huge_body(scene: Scene) -> Iterator[Step]:
    """The answer is ``size`` bytes longer: in one body, or in as many events as it takes."""
    size = scene.dose.size or 0
    if not scene.answer.streamed:
        return _huge_json(scene, size)
    before, after = scene.parted()
    event = _text_event(scene)
    found = scene.api.places.text.search(event)
    place = found.end() if found is not None else 1
    event = event[:place] + b"a" * _BLOCK + event[place:]
    return scene.altered([*before, *repeat(event, -(-size // len(event))), *after]).plain()


def _huge_json(scene: Scene, size: int) -> Iterator[Step]:
    body = scene.answer.pieces[0]
    found = scene.api.places.text.search(body)
    # White space before the end is as good as any, if there is no text to make longer.
    place, byte = (found.end(), b"a") if found is not None else (body.rindex(b"}"), b" ")
    yield scene.head(len(body) + size)
    yield body[:place]
    yield from _blocks(size, byte)
    yield body[place:]


def huge_event(scene: Scene) -> Iterator[Step]:
    """One event of the stream is larger than ``size`` bytes."""
    before, after = scene.parted()
    event = _text_event(scene)
    found = scene.api.places.text.search(event)
    place = found.end() if found is not None else 2
    yield scene.head()
    yield from before
    yield event[:place]
    yield from _blocks(scene.dose.size or 0, b"a")
    yield event[place:]
    yield from (*after, *scene.answer.finish, *scene.answer.mark)


def _text_event(scene: Scene) -> bytes:
    """An event of the answer that carries text; a comment, if there is none."""
    text = scene.api.places.text
    return next((piece for piece in scene.answer.pieces if text.search(piece)), b": \n\n")


def _blocks(size: int, byte: bytes) -> Iterator[bytes]:
    block = byte * _BLOCK
    for left in range(size, 0, -_BLOCK):
        yield block if left >= _BLOCK else block[:left]
