"""Where a second answer's text joins the first: nothing twice, nothing lost, or not at all.

Two ways to go on with a text that was cut. A model that was shown it continues it
(``Continued``); one that was asked anew repeats it first (``Repeated``). Each is fed the new text
as it comes and gives back what the caller has not had yet. Both raise ``Diverged`` where that
cannot be known for certain.
"""

from __future__ import annotations

__all__ = ["Continued", "Diverged", "Joint", "Repeated"]

#: So many characters that come again are no accident of language.
_TELLING = 16
#: The shortest repeated word worth a doubt, in letters and digits: shorter ones double too often.
_WORD = 3
#: How far back a repeated end is looked for.
_TAIL = 4096


class Diverged(Exception):
    """The new text is no safe continuation of the old one, and why."""


class Repeated:
    """The answer begins with what was given out: the question was asked anew, or the server
    repeats what it was shown. ``settled`` once it has; from there on every text is new."""

    def __init__(self, delivered: str) -> None:
        self._delivered = delivered
        self._at = 0
        self.settled = not delivered

    def feed(self, text: str) -> str:
        """What of the next piece is new."""
        if self.settled:
            return text
        known = text[: len(self._delivered) - self._at]
        if not self._delivered.startswith(known, self._at):
            raise Diverged(f"its answer differs within {len(known)} characters of {self._at}")
        self._at += len(known)
        self.settled = self._at == len(self._delivered)
        return text[len(known) :]

    def end(self) -> str:
        """The text is over."""
        if not self.settled:
            raise Diverged(f"its answer ends after {self._at} characters")
        return ""


class Continued:
    """The answer continues what the model was shown.

    What servers and models really send then: the rest alone; the whole text again; its last
    words again; where a template trims the text, the white space it ended in; or, where it is
    taken for a finished turn, nothing. A plain continuation may look like each of these by
    chance (``ha``, ``ha``). So what comes is held back while it might still turn out to be a
    repetition, and what looks like one is refused.
    """

    def __init__(self, delivered: str) -> None:
        self._core = delivered.strip()
        self._tail = delivered[-_TAIL:]
        self._held = ""
        self.settled = False

    def feed(self, text: str) -> str:
        """What of the text so far is new; empty while that is open."""
        if self.settled:
            return text
        self._held += text
        return "" if self._is_open() else self.end()

    def end(self) -> str:
        """The text is over: what is left of it."""
        held, self._held = self._held, ""
        if not self.settled:
            self._check(held)
            self.settled = True
        return held

    def _is_open(self) -> bool:
        """Whether more text could show a repetition. It cannot any more once the text is found
        nowhere in what was given out."""
        bare = self._held.lstrip()
        if not bare:
            return len(self._held) < _TAIL
        return self._core.startswith(bare) or self._held in self._tail or bare in self._tail

    def _check(self, held: str) -> None:
        bare, core = held.lstrip(), self._core
        if not bare:
            raise Diverged("it adds nothing, so that the text may be whole or not")
        if core and bare.startswith(core):
            raise Diverged("it may repeat what it should continue")
        if _shared(core, bare) >= _TELLING:
            raise Diverged("it begins like what it should continue, then differs")
        if _again(self._tail, held) or _again(self._tail.rstrip(), bare):
            raise Diverged("it may repeat the end of what it should continue")


Joint = Continued | Repeated


def _shared(one: str, other: str) -> int:
    """How many characters both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def _again(before: str, after: str) -> bool:
    """Whether ``after`` begins with the end of ``before`` by more than chance: with its white
    space, a whole word of it, or many characters."""
    return any(
        before.endswith(after[:size])
        and (size >= _TELLING or after[:size].isspace() or _is_word(before, after, size))
        for size in range(1, min(len(before), len(after)) + 1)
    )


def _is_word(before: str, after: str, size: int) -> bool:
    """Whether the first ``size`` characters of ``after`` are whole words there and at the end
    of ``before``."""
    words = after[:size]
    if sum(map(str.isalnum, words)) < _WORD:
        return False
    begins = not words[0].isalnum() or not before[-size - 1 : -size].isalnum()
    ends = not words[-1].isalnum() or not after[size : size + 1].isalnum()
    return begins and ends
