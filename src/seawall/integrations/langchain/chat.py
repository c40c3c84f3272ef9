"""The chat model."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput, ModelProfile
from langchain_core.language_models.base import LangSmithParams
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import ConfigDict, Field, PrivateAttr, SecretStr

from ...client.aio import AsyncSeawall
from ...client.loop import run_in_loop
from ...client.options import check
from ...client.streams import AsyncReplyStream
from ...client.sync import ReplyStream
from ...errors import BadRequestError
from ..clients import asynchronous, usual_model
from .answers import result, write_chunk, write_last
from .faults import in_both_words
from .messages import read_messages
from .profile import profile_of
from .structured import Method, structured

__all__ = ["ChatSeawall"]


class ChatSeawall(BaseChatModel):
    """A chat model of LangChain's whose calls are Seawall's, with every policy applied.

    ``model``: ``vendor/model``, an alias, or several to be tried in order; default the settings'.
    ``client``: the ``Seawall`` or ``AsyncSeawall`` that asks; default a new one from the settings.
    ``timeout``: seconds for the whole call. ``max_retries``: how often a route is asked again.
    ``api_key``: of the model's vendor, if not from the environment. Every other option of
    ``Seawall.chat`` may be given too, here or with a call: ``feature``, ``retry``, ``deadline``,
    ``recovery``, ``reasoning_effort``...; one nobody knows is a ``TypeError``.

    A fault is Seawall's and LangChain's ``ModelError`` of the same meaning in one.
    ``response_metadata`` has the call's ``id`` in the ledger, the ``model_name`` that answered,
    its ``cost`` in nano-USD, and ``notes`` on what was adapted.
    """

    model_config = ConfigDict(extra="allow", arbitrary_types_allowed=True)

    model: str | Sequence[str] = ""
    client: Any = Field(default=None, exclude=True, repr=False)
    temperature: float | None = None
    max_tokens: int | None = None
    stop: Sequence[str] | None = None
    timeout: float | None = None
    max_retries: int | None = Field(default=None, ge=0)
    api_key: SecretStr | None = Field(default=None, exclude=True)
    streaming: bool = False

    _client: AsyncSeawall = PrivateAttr()

    def __init__(self, **fields: Any) -> None:
        super().__init__(**fields)
        check(self.model_extra or {})
        self._client = asynchronous(self.client, self._settings())
        self.model = self.model or usual_model(self._client)
        self.profile = self.profile or self._resolve_model_profile()

    def _settings(self) -> Mapping[str, Any]:
        """Settings of a client of its own."""
        if self.api_key is None:
            return {}
        vendor, slash, _ = (self.model if isinstance(self.model, str) else "").partition("/")
        if self.client is not None or not slash:
            raise ValueError("api_key needs a model named vendor/model, and no client")
        return {"vendors": {vendor: {"key": self.api_key.get_secret_value()}}}

    @property
    def _llm_type(self) -> str:
        return "seawall"

    @property
    def _identifying_params(self) -> Mapping[str, Any]:
        return self._options(None, {})

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        params = super()._get_ls_params(stop=stop or list(self.stop or ()) or None, **kwargs)
        if "ls_model_name" not in params:
            params["ls_model_name"] = self.model[0]
        return params

    def _resolve_model_profile(self) -> ModelProfile | None:
        # LangChain's own validator asks before there is a client.
        client = (self.__pydantic_private__ or {}).get("_client")
        return None if client is None else profile_of(client, self.model)

    def _options(self, stop: Sequence[str] | None, said: Mapping[str, Any]) -> dict[str, Any]:
        """The options of a call in Seawall's words; ``said`` goes before the model's own."""
        own = ("model", "temperature", "max_tokens", "timeout", "max_retries")
        options = {name: getattr(self, name) for name in own}
        options |= {"stop": stop or self.stop or None, **(self.model_extra or {}), **said}
        timeout, again = options.pop("timeout"), options.pop("max_retries")
        if timeout is not None:
            options.setdefault("deadline", {"total": timeout})
        if again is not None:
            options.setdefault("retry", {"attempts": again + 1})
        # LangChain's own word for which of its methods was called.
        options.pop("stream", None)
        return {name: value for name, value in options.items() if value is not None}

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return run_in_loop(self._ask(messages, self._options(stop, kwargs)))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return await self._ask(messages, self._options(stop, kwargs))

    async def _ask(self, messages: list[BaseMessage], options: dict[str, Any]) -> ChatResult:
        with in_both_words():
            return result(await self._client.chat(read_messages(messages), **options))

    def _open(self, messages: list[BaseMessage], options: dict[str, Any]) -> AsyncReplyStream:
        if options.get("n", 1) != 1:
            raise BadRequestError(f"n is {options['n']}; LangChain streams one answer")
        return self._client.stream(read_messages(messages), **options)

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        options = self._options(stop, kwargs)
        with in_both_words(), ReplyStream(self._open(messages, options)) as read:
            for event in read:
                chunk = write_chunk(event)
                if chunk is not None:
                    yield chunk
            yield write_last(read.reply())

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        with in_both_words():
            async with self._open(messages, self._options(stop, kwargs)) as read:
                async for event in read:
                    chunk = write_chunk(event)
                    if chunk is not None:
                        yield chunk
                yield write_last(await read.reply())

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | dict[str, Any] | bool | None = None,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """``tool_choice``: ``auto``, ``none``, ``any`` or ``required`` (or ``True``), the name of
        a tool, or OpenAI's dict."""
        said = [convert_to_openai_tool(tool, strict=strict) for tool in tools]
        if tool_choice:
            kwargs["tool_choice"] = _choice(tool_choice)
        return cast("Runnable[LanguageModelInput, AIMessage]", self.bind(tools=said, **kwargs))

    def with_structured_output(
        self,
        schema: dict[str, Any] | type,
        *,
        method: Method = "json_schema",
        include_raw: bool = False,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, Any]:
        """``method``: ``json_schema`` uses the best means the vendor has, validates the answer and
        asks again with its errors; ``function_calling`` has a tool called; ``json_mode`` asks for
        any JSON. ``strict``: ``False`` only asks for the schema, without validating. ``kwargs``
        are options of the call."""
        return structured(self, schema, method, strict, include_raw, kwargs)


def _choice(said: str | dict[str, Any] | bool) -> Any:
    if said is True or said == "any":
        return "required"
    if isinstance(said, str) and said not in ("auto", "none", "required"):
        return {"type": "function", "function": {"name": said}}
    return said
