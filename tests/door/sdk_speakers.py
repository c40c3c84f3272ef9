"""The official SDKs in the same words: what each calls asking, streaming, tools and types."""

# pyright: reportMissingImports=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, version
from typing import Any, ClassVar

from pydantic import BaseModel

from seawall.client.door.libraries import library

__all__ = ["KEY", "Harbour", "Speaker", "installed"]

KEY = "sk-sdk-0123456789abcdef0123"
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
Call = tuple[str, dict[str, Any]]
LIBRARY: Any = library()


def _refuse(request: Any) -> Any:
    raise AssertionError(f"{request.url} was asked by the client that is not under test")


# A client that is not given would be made, and its TLS settings take longer than a test.
_NOBODY: Any = LIBRARY.Client(transport=LIBRARY.MockTransport(_refuse))
_NOBODY_ASYNC: Any = LIBRARY.AsyncClient(transport=LIBRARY.MockTransport(_refuse))


class Harbour(BaseModel):
    name: str
    depth: int


class Speaker:
    """One SDK. ``http`` is the asynchronous client given to it, ``sync`` the other.

    ``base``: where its vendor is known. ``url``: where it asks for a stream; ``other``: where
    it counts tokens. ``ASKED``: what most of its calls are given. ``errors``: the name of what it
    raises, by the simulator's fault. ``broken``: for an error event in a stream, and for a
    connection that breaks within one; ``None`` if it takes that for an end.
    """

    package: ClassVar[str]
    dialect: ClassVar[str]
    base: ClassVar[str] = "http://one/v1"
    url: ClassVar[str]
    other: ClassVar[str]
    errors: ClassVar[dict[str, str]]
    broken: ClassVar[tuple[str | None, str]]
    ASKED: Any
    module: Any

    def __init__(self, http: Any = None, sync: Any = None, *, timeout: float | None = None) -> None:
        raise NotImplementedError

    async def text(self) -> str: ...  # type: ignore[empty-body]
    async def streamed(self) -> str: ...  # type: ignore[empty-body]
    def sync_text(self) -> str: ...  # type: ignore[empty-body]
    def sync_streamed(self) -> str: ...  # type: ignore[empty-body]
    async def call(self, *, stream: bool) -> Call: ...  # type: ignore[empty-body]
    async def parsed(self) -> Any: ...
    async def count(self) -> int: ...  # type: ignore[empty-body]


class Anthropic(Speaker):
    package, dialect, base = "anthropic", "anthropic", "http://one"
    url, other = "http://one/v1/messages", "/v1/messages/count_tokens"
    errors: ClassVar[dict[str, str]] = {
        "400": "BadRequestError",
        "401": "AuthenticationError",
        "403": "PermissionDeniedError",
        "404": "NotFoundError",
        "429-bare": "RateLimitError",
        "500": "InternalServerError",
        "529": "OverloadedError",
        "reset": "APIConnectionError",
        "silent": "APITimeoutError",
    }
    broken = ("APIStatusError", "TransportError")
    ASKED: Any = {  # noqa: RUF012 - read only
        "model": "sim",
        "max_tokens": 200,
        "messages": [{"role": "user", "content": "Name a harbour."}],
    }

    def __init__(self, http: Any = None, sync: Any = None, *, timeout: float | None = None) -> None:
        import anthropic

        self.module = anthropic
        given: Any = {"api_key": KEY, "base_url": "http://one"}
        if timeout is not None:
            # Per call: 0.25 has one of its own for each, whatever the client's.
            self.ASKED = self.ASKED | {"timeout": timeout}
        self._async = anthropic.AsyncAnthropic(**given, http_client=http or _NOBODY_ASYNC)
        self._sync = anthropic.Anthropic(**given, http_client=sync or _NOBODY)

    async def text(self) -> str:
        return (await self._async.messages.create(**self.ASKED)).content[0].text

    async def streamed(self) -> str:
        async with self._async.messages.stream(**self.ASKED) as stream:
            said = "".join([text async for text in stream.text_stream])
            final = await stream.get_final_message()
        assert final.content[0].text == said
        assert final.stop_reason == "end_turn"
        assert final.usage.output_tokens > 0
        return said

    def sync_text(self) -> str:
        return self._sync.messages.create(**self.ASKED).content[0].text

    def sync_streamed(self) -> str:
        with self._sync.messages.stream(**self.ASKED) as stream:
            return "".join(stream.text_stream)

    async def call(self, *, stream: bool) -> Call:
        asked = self.ASKED | {"tools": [{"name": "weather", "input_schema": SCHEMA}]}
        if not hasattr(self._async.messages, "count_tokens"):  # 0.25 has tools in a place apart
            message = await self._async.beta.tools.messages.create(**asked)
        elif stream:
            async with self._async.messages.stream(**asked) as events:
                message = await events.get_final_message()
        else:
            message = await self._async.messages.create(**asked)
        assert message.stop_reason == "tool_use"
        block = next(block for block in message.content if block.type == "tool_use")
        assert block.id
        return block.name, block.input

    async def parsed(self) -> Any:
        if not hasattr(self._async.messages, "parse"):
            return None
        done = await self._async.messages.parse(**self.ASKED, output_format=Harbour)
        return done.parsed_output

    async def count(self) -> int:
        if not hasattr(self._async.messages, "count_tokens"):  # before 0.40
            asked = {key: value for key, value in self.ASKED.items() if key != "max_tokens"}
            said: Any = await self._async.post(self.other, cast_to=object, body=asked)
            return said["input_tokens"]
        asked = {key: value for key, value in self.ASKED.items() if key != "max_tokens"}
        return (await self._async.messages.count_tokens(**asked)).input_tokens


class Google(Speaker):
    package, dialect, base = "google-genai", "gemini", "http://one/v1beta"
    url = "http://one/v1beta/models/sim:streamGenerateContent?alt=sse"
    other = "/v1beta/models/sim:countTokens"
    errors: ClassVar[dict[str, str]] = {
        "400": "ClientError",
        "403": "ClientError",
        "404": "ClientError",
        "429-bare": "ClientError",
        "500": "ServerError",
        "503": "ServerError",
        "reset": "ServerError",
        "silent": "ServerError",
    }
    broken = ("ServerError", "TransportError")

    def __init__(self, http: Any = None, sync: Any = None, *, timeout: float | None = None) -> None:
        from google import genai  # pyright: ignore[reportAttributeAccessIssue]
        from google.genai import errors

        self.module = errors
        options: Any = {"base_url": "http://one", "api_version": "v1beta"}
        options |= {"httpx_async_client": http or _NOBODY_ASYNC, "httpx_client": sync or _NOBODY}
        if timeout is not None:
            options["timeout"] = int(timeout * 1000)
        self.client = genai.Client(api_key=KEY, http_options=options)
        self._models = self.client.aio.models

    async def text(self) -> str:
        done = await self._models.generate_content(model="sim", contents="Name a harbour.")
        return done.text or ""

    async def streamed(self) -> str:
        chat = self.client.aio.chats.create(model="sim")
        said = ""
        async for chunk in await chat.send_message_stream("Name a harbour."):
            said += chunk.text or ""
        assert chat.get_history()[-1].role == "model"
        return said

    def sync_text(self) -> str:
        return self.client.models.generate_content(model="sim", contents="hi").text or ""

    def sync_streamed(self) -> str:
        chunks = self.client.models.generate_content_stream(model="sim", contents="hi")
        return "".join(chunk.text or "" for chunk in chunks)

    async def call(self, *, stream: bool) -> Call:
        tool = {"name": "weather", "parameters_json_schema": SCHEMA}
        asked: Any = {
            "model": "sim",
            "contents": "How is it?",
            "config": {"tools": [{"function_declarations": [tool]}]},
        }
        if stream:
            chunks = [one async for one in await self._models.generate_content_stream(**asked)]
            calls = [call for chunk in chunks for call in chunk.function_calls or ()]
        else:
            calls = (await self._models.generate_content(**asked)).function_calls
        return calls[0].name, calls[0].args

    async def parsed(self) -> Any:
        config: Any = {"response_mime_type": "application/json", "response_schema": Harbour}
        done = await self._models.generate_content(model="sim", contents="hi", config=config)
        return done.parsed

    async def count(self) -> int:
        return (await self._models.count_tokens(model="sim", contents="hi")).total_tokens


class Mistral(Speaker):
    package, dialect = "mistralai", "openai_chat"
    url, other = "http://one/v1/chat/completions", "/v1/embeddings"
    errors: ClassVar[dict[str, str]] = {
        "400": "SDKError",
        "401": "SDKError",
        "422": "HTTPValidationError",
        "429-bare": "SDKError",
        "500": "SDKError",
        "503": "SDKError",
        "reset": "SDKError",
        "silent": "SDKError",
    }
    broken = ("ResponseValidationError", "TransportError")
    ASKED: Any = {  # noqa: RUF012 - read only
        "model": "sim",
        "messages": [{"role": "user", "content": "Name a harbour."}],
    }

    def __init__(
        self,
        http: Any = None,
        sync: Any = None,
        *,
        timeout: float | None = None,
        **options: Any,
    ) -> None:
        from mistralai.client import Mistral as Client
        from mistralai.client import errors

        self.module = errors
        self.client = Client(
            api_key=KEY,
            server_url="http://one",
            client=sync or _NOBODY,
            async_client=http or _NOBODY_ASYNC,
            timeout_ms=None if timeout is None else int(timeout * 1000),
            **options,
        )
        self._chat = self.client.chat

    async def text(self) -> str:
        return (await self._chat.complete_async(**self.ASKED)).choices[0].message.content

    async def streamed(self) -> str:
        said, last = "", None
        async for event in await self._chat.stream_async(**self.ASKED):
            said += event.data.choices[0].delta.content or ""
            last = event.data
        assert last is not None
        assert last.choices[0].finish_reason == "stop"
        self.usage = last.usage
        return said

    def sync_text(self) -> str:
        return self._chat.complete(**self.ASKED).choices[0].message.content

    def sync_streamed(self) -> str:
        events = self._chat.stream(**self.ASKED)
        return "".join(event.data.choices[0].delta.content or "" for event in events)

    async def call(self, *, stream: bool) -> Call:
        tool = {"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}
        asked = self.ASKED | {"tools": [tool]}
        if not stream:
            done = await self._chat.complete_async(**asked)
            call = done.choices[0].message.tool_calls[0]
            return call.function.name, json.loads(call.function.arguments)
        name, arguments = "", ""
        async for event in await self._chat.stream_async(**asked):
            for call in event.data.choices[0].delta.tool_calls or ():
                name = name or call.function.name
                arguments += call.function.arguments
        return name, json.loads(arguments)

    async def parsed(self) -> Any:
        done = await self._chat.parse_async(Harbour, **self.ASKED)
        return done.choices[0].message.parsed

    async def count(self) -> int:
        done = await self.client.embeddings.create_async(model="sim", inputs=["hi"])
        return done.usage.prompt_tokens


class Cohere(Speaker):
    package, dialect, base = "cohere", "cohere", "http://one"
    url, other = "http://one/v2/chat", "/v1/tokenize"
    errors: ClassVar[dict[str, str]] = {
        "400": "BadRequestError",
        "401": "UnauthorizedError",
        "404": "NotFoundError",
        "429-bare": "TooManyRequestsError",
        "500": "InternalServerError",
        "503": "ServiceUnavailableError",
        "reset": "InternalServerError",
        "silent": "GatewayTimeoutError",
    }
    broken = (None, "TransportError")
    ASKED: Any = {  # noqa: RUF012 - read only
        "model": "sim",
        "messages": [{"role": "user", "content": "Name a harbour."}],
    }

    def __init__(self, http: Any = None, sync: Any = None, *, timeout: float | None = None) -> None:
        import cohere

        self.module = cohere
        given: Any = {"api_key": KEY, "base_url": "http://one", "timeout": timeout}
        self._async = cohere.AsyncClientV2(**given, httpx_client=http or _NOBODY_ASYNC)
        self._sync = cohere.ClientV2(**given, httpx_client=sync or _NOBODY)

    async def text(self) -> str:
        return (await self._async.chat(**self.ASKED)).message.content[0].text

    async def streamed(self) -> str:
        said, kinds = "", []
        async for event in self._async.chat_stream(**self.ASKED):
            kinds.append(event.type)
            if event.type == "content-delta":
                said += event.delta.message.content.text
        assert kinds[-1] == "message-end"
        return said

    def sync_text(self) -> str:
        return self._sync.chat(**self.ASKED).message.content[0].text

    def sync_streamed(self) -> str:
        events = self._sync.chat_stream(**self.ASKED)
        return "".join(
            event.delta.message.content.text for event in events if event.type == "content-delta"
        )

    async def call(self, *, stream: bool) -> Call:
        tool = {"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}
        asked = self.ASKED | {"tools": [tool]}
        if not stream:
            call = (await self._async.chat(**asked)).message.tool_calls[0]
            return call.function.name, json.loads(call.function.arguments)
        name, arguments = "", ""
        async for event in self._async.chat_stream(**asked):
            if event.type == "tool-call-start":
                name = event.delta.message.tool_calls.function.name
                arguments += event.delta.message.tool_calls.function.arguments or ""
            elif event.type == "tool-call-delta":
                arguments += event.delta.message.tool_calls.function.arguments
        return name, json.loads(arguments)

    async def parsed(self) -> Any:
        wanted = {"type": "json_object", "json_schema": Harbour.model_json_schema()}
        done = await self._async.chat(**self.ASKED, response_format=wanted)
        return Harbour.model_validate_json(done.message.content[0].text)

    async def count(self) -> int:
        return len((await self._async.tokenize(text="hi", model="sim")).tokens)


def installed() -> type[Speaker]:
    """The SDK of this environment."""
    for speaker in (Anthropic, Google, Mistral, Cohere):
        try:
            version(speaker.package)
        except PackageNotFoundError:
            continue
        return speaker
    raise LookupError("no official SDK but openai is installed here")
