"""Where a fault plays: one request, the whole answer to it, and how the fault is set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from email.utils import formatdate

from msgspec import Struct
from msgspec.structs import asdict, replace

from ..framing.sse import write_sse
from ..server import Head
from .apis import Api, Refusal, RetryAfter, Trouble
from .plan import Ask, Step, Wait
from .rendering import Rendered, framed

__all__ = ["Dose", "Pace", "Play", "Scene"]


class Dose(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """How strong a fault is; ``None``: as the catalogue says.

    ``retry_after`` and ``seconds`` are seconds of the script. ``at``: where in the answer it
    strikes, as a fraction (0.5) or a number of events (3; bytes of an answer that is no
    stream). ``size``: bytes.
    """

    retry_after: float | None = None
    seconds: float | None = None
    at: int | float | None = None
    size: int | None = None

    def over(self, usual: Dose) -> Dose:
        """This dose, completed by the ``usual`` one."""
        given = {name: value for name, value in asdict(usual).items() if value is not None}
        own = {name: getattr(self, name) for name in Dose.__struct_fields__}
        given |= {name: value for name, value in own.items() if value is not None}
        return Dose(**given)


class Pace(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How fast the model is: seconds to its first token and between two."""

    first_token: float = 0.0
    between: float = 0.0


class Scene(Struct, frozen=True, kw_only=True):
    """What a fault may know of the request of that ``number``. ``wall`` is in epoch seconds;
    ``speed`` is how much faster than the client's time the script's runs."""

    api: Api
    number: int
    answer: Rendered
    headers: Mapping[str, str]
    wall: float
    speed: float = 1.0
    dose: Dose = Dose()
    pace: Pace = Pace()

    def head(self, length: int | None = None) -> Head:
        """The head of a success; ``length`` if the body's is not that of the answer."""
        more = {"content-type": self.answer.content_type}
        if self.answer.streamed:
            more["cache-control"] = "no-cache"
        else:
            body = self.answer.pieces[0]
            more["content-length"] = str(len(body) if length is None else length)
        return self.headed(200, more)

    def headed(self, status: int, more: Mapping[str, str]) -> Head:
        date = formatdate(self.wall, usegmt=True)
        return Head(status, tuple({**self.headers, "date": date, **more}.items()))

    def refuse(self, refusal: Refusal, form: RetryAfter | None = None) -> Iterator[Step]:
        """An error, and perhaps the request to wait for the dose's ``retry_after``."""
        wait = self.dose.retry_after
        wait = None if form is None or wait is None else wait / self.speed
        body = self.api.body(refusal, wait, self.number)
        if refusal.status < 400:
            yield from self.send([self.worded(body)])
            return
        if self.answer.form == "array":
            body = b"[" + body + b"]"
        more = {"content-type": "application/json", "content-length": str(len(body))}
        if wait is not None and form is not None:
            more |= self.api.waiting(form, wait, self.wall)
            yield Ask(wait)
        yield self.headed(refusal.status, more)
        yield body

    def worded(self, body: bytes) -> bytes:
        """``body`` as an answer has it: alone, as an event, or as the only one of an array."""
        if self.answer.form == "events":
            return write_sse(body)
        return b"[" + body + b"]" if self.answer.form == "array" else body

    def broken_off(self, trouble: Trouble) -> Sequence[bytes]:
        """What stands in an answer where the provider gives up."""
        refusal = self.api.refusals[trouble]
        if not self.answer.streamed:
            return [self.api.given_up(refusal, self.number)]
        events = self.api.broken_off(refusal, self.number)
        told = [framed(event, self.answer.form) for event in events]
        return [*told, b"]"] if self.answer.form == "array" else told

    def plain(self) -> Iterator[Step]:
        """The answer as it should be."""
        return self.send(self.answer.whole)

    def send(self, pieces: Sequence[bytes]) -> Iterator[Step]:
        """A success with the given body, at the model's pace."""
        if self.answer.streamed:
            yield self.head()
            yield from self.paced(pieces)
            return
        yield Wait(self.pace.first_token + self.pace.between * self._tokens())
        yield self.head(sum(map(len, pieces)))
        yield from pieces

    def paced(self, pieces: Iterable[bytes]) -> Iterator[Step]:
        wait = self.pace.first_token
        for piece in pieces:
            if wait:
                yield Wait(wait)
            yield piece
            wait = self.pace.between

    def _tokens(self) -> int:
        usage = self.answer.response.usage
        return 0 if usage is None else usage.completion_tokens

    @property
    def seconds(self) -> float:
        return self.dose.seconds or 0.0

    def place(self) -> int:
        """Before which of the answer's pieces (or of its bytes, if it is no stream) the fault
        strikes. A fraction leaves at least one before it, unless it is 0."""
        at = 0.5 if self.dose.at is None else self.dose.at
        pieces = self.answer.pieces
        count = len(pieces) if self.answer.streamed else len(pieces[0])
        if isinstance(at, int):
            return min(at, count)
        return min(count, max(1, int(at * count))) if at > 0 else 0

    def parted(self) -> tuple[Sequence[bytes], Sequence[bytes]]:
        """The answer's pieces before and after that place. Behind them a stream still has its
        end."""
        pieces, place = self.answer.pieces, self.place()
        if self.answer.streamed:
            return pieces[:place], pieces[place:]
        return (pieces[0][:place],), (pieces[0][place:],)

    def altered(self, pieces: Sequence[bytes], finish: Sequence[bytes] | None = None) -> Scene:
        """The same with other pieces, and perhaps another finish."""
        finish = self.answer.finish if finish is None else finish
        answer = replace(self.answer, pieces=tuple(pieces), finish=tuple(finish))
        return replace(self, answer=answer)


Play = Callable[[Scene], Iterator[Step]]
"""A fault at work: the plan of a reply, out of where it plays."""
