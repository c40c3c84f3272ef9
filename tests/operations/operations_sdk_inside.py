"""Run inside the environment of a vendor's package: it asks in the words in which we ask."""

# pyright: reportMissingImports=false
from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import httpx2
import msgspec

from seawall.dialects import anthropic, gemini, openai_chat
from seawall.operations import EmbedRequest, ModelsRequest, OperationRequest
from seawall.ports import Quirks, Wire


class Vendor:
    """Answers the package's client with ``answer`` and keeps what it asked."""

    def __init__(self, answer: Any) -> None:
        self.asked: list[httpx2.Request] = []
        self._answer = answer

    def client(self) -> httpx2.Client:
        return httpx2.Client(transport=httpx2.MockTransport(self._respond))

    def _respond(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        return httpx2.Response(200, json=self._answer)


def _same(asked: httpx2.Request, wire: Wire, request: OperationRequest, quirks: Quirks) -> None:
    draft = wire.operations[request.operation].encode(request, quirks)
    assert asked.method == draft.method
    assert asked.url.path.endswith(draft.path)
    if draft.body:
        assert msgspec.json.decode(asked.content) == msgspec.json.decode(draft.body)


def openai_asks_like_us() -> None:
    package = import_module("openai")
    data = [{"index": 0, "object": "embedding", "embedding": "AACAPwAAAEA="}]
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    vendor = Vendor({"object": "list", "model": "m", "data": data, "usage": usage})
    with package.OpenAI(api_key="k", http_client=vendor.client()) as client:
        theirs = client.embeddings.create(input=["tea"], model="m", dimensions=2, user="u")
        client.models.list()
    request = EmbedRequest(model="m", texts=("tea",), dimensions=2, user="u")
    _same(vendor.asked[0], openai_chat.WIRE, request, Quirks())
    _same(vendor.asked[1], openai_chat.WIRE, ModelsRequest(), Quirks())
    body = msgspec.json.encode(vendor._answer)
    ours = openai_chat.WIRE.operations["embeddings"].decode(body, request)
    assert list(ours.vectors[0]) == theirs.data[0].embedding == [1.0, 2.0]  # type: ignore[attr-defined]


def mistral_asks_like_us() -> None:
    sdk = import_module("mistralai.client")
    data = [{"index": 0, "object": "embedding", "embedding": [1.0, 2.0]}]
    usage = {"prompt_tokens": 1, "completion_tokens": 0, "total_tokens": 1}
    vendor = Vendor({"id": "e", "object": "list", "model": "m", "data": data, "usage": usage})
    with sdk.Mistral(api_key="k", client=vendor.client()) as client:
        client.embeddings.create(model="m", inputs=["tea"], output_dimension=2)
    request = EmbedRequest(model="m", texts=("tea",), dimensions=2)
    quirks = Quirks(dimensions_field="output_dimension", vectors_base64=False)
    _same(vendor.asked[0], openai_chat.WIRE, request, quirks)


def google_asks_like_us() -> None:
    genai = import_module("google.genai")
    vendor = Vendor({"embeddings": [{"values": [1.0, 2.0]}, {"values": [3.0, 4.0]}]})
    options = genai.types.HttpOptions(httpx_client=vendor.client())
    client = genai.Client(api_key="k", http_options=options)
    wish = genai.types.EmbedContentConfig(task_type="RETRIEVAL_QUERY", output_dimensionality=2)
    texts = ["tea", "coffee"]
    client.models.embed_content(model="gemini-embedding-001", contents=texts, config=wish)
    request = EmbedRequest(
        model="gemini-embedding-001", texts=tuple(texts), input_type="query", dimensions=2
    )
    draft = gemini.WIRE.operations["embeddings"].encode(request, Quirks())
    (asked,) = vendor.asked
    assert asked.url.path.endswith(draft.path)
    theirs, ours = (msgspec.json.decode(body) for body in (asked.content, draft.body))
    for item in theirs["requests"]:
        assert item["content"].pop("role", "user") == "user"
    assert theirs == ours


def anthropic_asks_like_us() -> None:
    package = import_module("anthropic")
    item = {
        "id": "c1",
        "type": "model",
        "display_name": "C",
        "created_at": "2026-02-04T00:00:00Z",
        "lifecycle": "active",
    }
    vendor = Vendor({"data": [item], "has_more": False, "first_id": "c1", "last_id": "c1"})
    with package.Anthropic(api_key="k", http_client=vendor.client()) as client:
        (theirs,) = client.models.list(limit=1000)
    _same(vendor.asked[0], anthropic.WIRE, ModelsRequest(), Quirks())
    page = anthropic.WIRE.operations["models"].decode(
        msgspec.json.encode(vendor._answer), ModelsRequest()
    )
    (ours,) = page.models  # type: ignore[attr-defined]
    assert (ours.id, ours.name, ours.created) == (
        theirs.id,
        theirs.display_name,
        int(theirs.created_at.timestamp()),
    )


if __name__ == "__main__":
    globals()[f"{sys.argv[1]}_asks_like_us"]()
    print("yes")
