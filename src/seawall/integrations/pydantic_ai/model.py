"""The model."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, ClassVar

from pydantic_ai._run_context import RunContext
from pydantic_ai.exceptions import UserError
from pydantic_ai.messages import ModelMessage, ModelResponse
from pydantic_ai.models import (
    Model,
    ModelRequestParameters,
    StreamedResponse,
    check_allow_model_requests,
)
from pydantic_ai.profiles import ModelProfile, ModelProfileSpec
from pydantic_ai.settings import ModelSettingName, ModelSettings

from ...client.aio import AsyncSeawall
from ...client.sync import Seawall
from ...vendors.capabilities import capabilities
from ..clients import asynchronous, usual_model
from ..routes import first_route
from .answers import Streamed, write_response
from .asking import output_options, tool_options
from .faults import in_both_words
from .messages import SYSTEM, read_messages

__all__ = ["SeawallModel", "SeawallModelSettings"]

#: What pydantic-ai and Seawall call the same thing.
_SAME = {
    "max_tokens": "max_tokens",
    "temperature": "temperature",
    "top_p": "top_p",
    "seed": "seed",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
    "stop_sequences": "stop",
    "parallel_tool_calls": "parallel_tool_calls",
}


class SeawallModelSettings(ModelSettings, total=False):
    """``seawall_options``: options of ``Seawall.chat``, such as ``feature`` or ``recovery``."""

    seawall_options: Mapping[str, Any]


class SeawallModel(Model[AsyncSeawall]):
    """A model of pydantic-ai's whose requests are Seawall's, with every policy applied.

    ``model``: ``vendor/model``, an alias, or several to be tried in order; default the settings'.
    ``client``: the ``Seawall`` or ``AsyncSeawall`` that asks; default a new one from the settings.
    A profile that is not given comes from the first route's row.

    A fault is Seawall's and pydantic-ai's ``ModelAPIError`` of the same meaning in one. A
    response's ``provider_response_id`` is the call's id in the ledger, its ``model_name`` the
    model that answered; ``usage.cost`` is in USD.
    """

    unsupported_settings: ClassVar[frozenset[ModelSettingName]] = frozenset(
        {"top_k", "logit_bias", "extra_headers", "citations", "service_tier"}
    )

    def __init__(
        self,
        model: str | Sequence[str] = "",
        *,
        client: AsyncSeawall | Seawall | None = None,
        settings: ModelSettings | None = None,
        profile: ModelProfileSpec | None = None,
    ) -> None:
        self._client = asynchronous(client)
        self._models = model or usual_model(self._client)
        super().__init__(settings=settings, profile=profile or self._known())

    def _known(self) -> ModelProfile | None:
        route = first_route(self._client, self._models)
        if route is None:
            return None
        can = capabilities(route.quirks)
        return ModelProfile(
            supports_tools=can.tools != "no",
            supports_json_schema_output=can.schema != "no",
            supports_json_object_output=can.json_mode != "no",
            supports_image_input=can.images != "no",
            supports_thinking=True,
            context_window=route.window,
        )

    @property
    def model_name(self) -> str:
        return self._models if isinstance(self._models, str) else self._models[0]

    @property
    def system(self) -> str:
        return SYSTEM

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        asked, options = self._asked(messages, model_settings, model_request_parameters)
        with in_both_words(self.model_name):
            return write_response(await self._client.chat(asked, **options))

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
        run_context: RunContext[Any] | None = None,
    ) -> AsyncGenerator[StreamedResponse]:
        asked, options = self._asked(messages, model_settings, model_request_parameters)
        with in_both_words(self.model_name):
            stream = await self._client.stream(asked, **options).__aenter__()
        try:
            yield Streamed(model_request_parameters, _stream=stream, _model=self.model_name)
        finally:
            await stream.aclose()

    def _asked(
        self,
        messages: list[ModelMessage],
        settings: ModelSettings | None,
        parameters: ModelRequestParameters,
    ) -> tuple[Any, dict[str, Any]]:
        check_allow_model_requests()
        settings, parameters = self.prepare_request(settings, parameters)
        instructions = self._get_instruction_parts(messages, parameters) or ()
        options = {
            "model": self._models,
            **_options(settings or {}),
            **_effort(parameters),
            **tool_options(settings, parameters),
            **output_options(parameters),
        }
        return read_messages(messages, instructions), options


def _options(settings: Mapping[str, Any]) -> dict[str, Any]:
    """A call's options from pydantic-ai's settings."""
    options = {ours: settings[theirs] for theirs, ours in _SAME.items() if theirs in settings}
    timeout = settings.get("timeout")
    if timeout is not None:
        if not isinstance(timeout, (int, float)):
            raise UserError(f"timeout is {timeout!r}; give seconds, or seawall_options.deadline")
        options["deadline"] = {"total": timeout}
    if settings.get("max_retries") is not None:
        options["retry"] = {"attempts": settings["max_retries"] + 1}
    if settings.get("extra_body"):
        options["extra"] = {"openai_chat": settings["extra_body"]}
    return options | dict(settings.get("seawall_options") or {})


def _effort(parameters: ModelRequestParameters) -> dict[str, Any]:
    """Whether to think: pydantic-ai's ``True`` asks for no degree in particular."""
    thinking = parameters.thinking
    if thinking is None:
        return {}
    if isinstance(thinking, bool):
        return {"reasoning_effort": "medium" if thinking else "none"}
    return {"reasoning_effort": thinking}
