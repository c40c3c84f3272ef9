"""A sentence encoder in ONNX: one text in, one vector of length 1 out.

Mean pooling over the tokens, then normalisation, as all-MiniLM-L6-v2's own ``modules.json`` has it
(sentence-transformers). Texts go through one at a time: the int8 weights scale with all that is in
a batch, so that a text's vector would depend on its neighbours, and padding gains nothing on a CPU.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ...plugins import optional
from .wordpiece import WordPiece

__all__ = ["Encoded", "Encoder", "TooLong"]

#: Tokens of a text, as the makers' ``sentence_bert_config.json`` has it.
_LONGEST = 256

Encoded = tuple[list[bytes], int]
"""Vectors as 32-bit floats, little-endian, and how many tokens there were."""


class TooLong(Exception):
    """A text has more tokens than the model reads."""

    def __init__(self, index: int, tokens: int) -> None:
        super().__init__(
            f"text {index} has {tokens} tokens; the maximum context length of this model is "
            f"{_LONGEST} tokens"
        )


class Encoder:
    """Not to be carried over a fork: its threads would stay behind."""

    def __init__(self, weights: Path, vocabulary: Path, threads: int) -> None:
        onnx: Any = optional("onnxruntime")
        options = onnx.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._numpy: Any = optional("numpy")
        self._words = WordPiece.read(vocabulary)
        self._session = onnx.InferenceSession(
            str(weights), options, providers=["CPUExecutionProvider"]
        )

    def encode(self, texts: Sequence[str], given_up: Callable[[], bool]) -> Encoded:
        """Raises ``TooLong`` before anything is computed. Stops after a text once it is
        ``given_up``."""
        split = [self._words.tokens(text) for text in texts]
        for index, tokens in enumerate(split):
            if len(tokens) > _LONGEST:
                raise TooLong(index, len(tokens))
        vectors: list[bytes] = []
        for tokens in split:
            if given_up():
                break
            vectors.append(self._vector(tokens))
        return vectors, sum(map(len, split))

    def _vector(self, tokens: Sequence[int]) -> bytes:
        numpy = self._numpy
        ids = numpy.asarray([tokens], dtype=numpy.int64)
        asked = {
            "input_ids": ids,
            "attention_mask": numpy.ones_like(ids),
            "token_type_ids": numpy.zeros_like(ids),
        }
        (states,) = self._session.run(None, asked)
        mean = states[0].mean(axis=0)
        return (mean / numpy.linalg.norm(mean)).astype("<f4").tobytes()
