"""BERT's tokenizer: a text's WordPiece tokens, as the model was trained on them.

After "BERT" (Devlin et al., 2019) and the reference implementation, google-research/bert,
``tokenization.py``, uncased: clean, part Chinese characters, take off accents, lower the case, part
at white space and punctuation, then the longest known piece first. The names of special tokens are
ordinary text here, so that nobody can write them into a question.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

__all__ = ["WordPiece"]

#: A longer word is one unknown token.
_LONGEST = 100
#: Words are few and come again; more of them than this are not remembered.
_KNOWN = 50_000
_CJK = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B920, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)
_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")


class _Model(Struct):
    vocab: dict[str, int]


class _File(Struct):
    model: _Model


class WordPiece:
    """``vocabulary``: the number of each piece; those that go on with a word begin with ``##``."""

    def __init__(self, vocabulary: Mapping[str, int]) -> None:
        self._vocabulary = vocabulary
        self._first, self._last = vocabulary["[CLS]"], vocabulary["[SEP]"]
        self._unknown = vocabulary["[UNK]"]
        self._words: dict[str, Sequence[int]] = {}

    @classmethod
    def read(cls, path: Path) -> WordPiece:
        """Out of a ``tokenizer.json``."""
        return cls(msgspec.json.decode(path.read_bytes(), type=_File).model.vocab)

    def tokens(self, text: str) -> list[int]:
        """The tokens of ``text``, between those that begin and end it."""
        found = [self._first]
        for word in _words(text):
            found += self._pieces(word)
        found.append(self._last)
        return found

    def _pieces(self, word: str) -> Sequence[int]:
        known = self._words.get(word)
        if known is None:
            if len(self._words) >= _KNOWN:
                self._words.clear()
            known = self._words[word] = self._cut(word)
        return known

    def _cut(self, word: str) -> Sequence[int]:
        pieces: list[int] = []
        start = 0 if len(word) <= _LONGEST else len(word)
        while start < len(word):
            prefix = "##" if start else ""
            ends = range(len(word), start, -1)
            end = next((e for e in ends if prefix + word[start:e] in self._vocabulary), None)
            if end is None:
                return (self._unknown,)
            pieces.append(self._vocabulary[prefix + word[start:end]])
            start = end
        return pieces or (self._unknown,)


def _words(text: str) -> Iterable[str]:
    """The words and marks of a text, cleaned and in lower case."""
    cleaned = "".join(map(_clean, text))
    bare = (c for c in unicodedata.normalize("NFD", cleaned) if unicodedata.category(c) != "Mn")
    # Letter by letter: the case of a letter does not depend on its neighbours here.
    lowered = "".join(c.lower() for c in bare)
    return "".join(f" {c} " if _is_mark(c) else c for c in lowered).split()


def _clean(char: str) -> str:
    kind = unicodedata.category(char)
    if char in "\t\n\r" or kind[0] == "Z":
        return " "
    if char == "\ufffd" or kind in ("Cc", "Cf", "Co", "Cs"):
        return ""
    code = ord(char)
    return f" {char} " if any(low <= code <= high for low, high in _CJK) else char


def _is_mark(char: str) -> bool:
    return char in _PUNCTUATION or unicodedata.category(char)[0] == "P"
