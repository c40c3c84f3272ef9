"""Run inside the environment of LangChain: its own standard tests, against a provider that reads.

Skipped by LangChain itself, and why:

- ``test_serdes``: a model holds a client with connections and keys; it is made from settings again
  and not out of a stored form.
- ``test_init_from_env`` of the embeddings: they take no settings of their own from the environment.
- ``test_stream_time``: replays a recorded session to time it; what streams cost is measured in
  ``benchmarks``.
- ``test_json_mode`` at Anthropic, which enforces a schema and not just any JSON: a fault says so.
- ``test_image_tool_message`` at Cohere, whose tools answer in text and documents.
- ``test_pdf_inputs`` and ``test_audio_inputs`` but for OpenAI's dialect, ``test_pdf_tool_message``
  for all: files and sound travel in OpenAI's words only, and it takes none from a tool.

Its tests of files fetch them from the network; here they are given the bytes.
"""

# pyright: reportMissingImports=false
from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from integrations_world import Provider, provider, settings
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_tests.integration_tests import ChatModelIntegrationTests, EmbeddingsIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests, EmbeddingsUnitTests

from seawall import AsyncSeawall
from seawall.integrations.langchain import ChatSeawall, SeawallEmbeddings

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture(scope="module")
def served() -> Iterator[Provider]:
    with provider() as one:
        yield one


@pytest.fixture(autouse=True)
def _files(monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]
    monkeypatch.setattr(httpx, "get", lambda url, **_: httpx.Response(200, content=PNG))
    monkeypatch.setenv("LANGCHAIN_TESTS_USER_AGENT", "seawall")


class Chat:
    """What both of LangChain's suites are told of ``ChatSeawall``."""

    wire = "openai_chat"

    @pytest.fixture(autouse=True)
    def _client(self, served: Provider) -> None:  # pyright: ignore[reportUnusedFunction]
        self.client = AsyncSeawall(**settings(served, wire=self.wire))

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatSeawall

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": "wall/sim", "client": self.client}

    supports_image_inputs = True
    supports_image_urls = True
    supports_image_tool_message = True
    supports_json_mode = True
    supports_anthropic_inputs = True
    model_override_value = "wall/other"


class TestOpenAIChat(Chat, ChatModelIntegrationTests):
    supports_pdf_inputs = True
    supports_audio_inputs = True


class TestAnthropic(Chat, ChatModelIntegrationTests):
    wire = "anthropic"
    supports_json_mode = False


class TestGemini(Chat, ChatModelIntegrationTests):
    wire = "gemini"


class TestCohere(Chat, ChatModelIntegrationTests):
    wire = "cohere"
    supports_image_tool_message = False


class TestUnits(Chat, ChatModelUnitTests):
    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": "openai/gpt-4o-mini"}

    init_from_env_params = ({"SEAWALL_MODEL": "wall/sea"}, {}, {"model": "wall/sea"})


class Embedding:
    @pytest.fixture(autouse=True)
    def _client(self, served: Provider) -> None:  # pyright: ignore[reportUnusedFunction]
        self.client = AsyncSeawall(**settings(served))

    @property
    def embeddings_class(self) -> type[Embeddings]:
        return SeawallEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {"model": "wall/sim", "client": self.client}


class TestEmbeddings(Embedding, EmbeddingsIntegrationTests): ...


class TestEmbeddingsUnits(Embedding, EmbeddingsUnitTests): ...
