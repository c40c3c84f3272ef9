"""``with_structured_output``: three ways to an answer of a type."""

from __future__ import annotations

from collections.abc import Mapping
from operator import itemgetter
from typing import Any, Literal, cast

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import JsonOutputParser, PydanticOutputParser
from langchain_core.output_parsers.openai_tools import JsonOutputKeyToolsParser, PydanticToolsParser
from langchain_core.runnables import Runnable, RunnableMap, RunnablePassthrough
from langchain_core.utils.function_calling import convert_to_json_schema, convert_to_openai_tool
from langchain_core.utils.pydantic import is_basemodel_subclass

__all__ = ["Method", "structured"]

Method = Literal["json_schema", "function_calling", "json_mode"]
Schema = Mapping[str, Any] | type
Asking = Runnable[LanguageModelInput, AIMessage]
Parsing = Runnable[Any, Any]


def structured(
    model: BaseChatModel,
    schema: Schema,
    method: Method,
    strict: bool | None,
    raw: bool,
    options: Mapping[str, Any],
) -> Runnable[LanguageModelInput, Any]:
    """``model`` and behind it what reads its answer; with ``raw`` both, and the error."""
    means = {"method": method} if strict is None else {"method": method, "strict": strict}
    about = {**options, "ls_structured_output_format": {"kwargs": means, "schema": schema}}
    if method == "function_calling":
        asking, parsing = _by_tool(model, schema, strict, about)
    else:
        wanted = _wanted(schema, method, strict)
        asking, parsing = cast("Asking", model.bind(**wanted, **about)), _parser(schema)
    if not raw:
        return asking | parsing
    tried = RunnablePassthrough.assign(
        parsed=itemgetter("raw") | parsing, parsing_error=lambda _: None
    )
    failed = RunnablePassthrough.assign(parsed=lambda _: None)
    return RunnableMap(raw=asking) | tried.with_fallbacks([failed], exception_key="parsing_error")


def _wanted(schema: Schema, method: Method, strict: bool | None) -> dict[str, Any]:
    if method == "json_mode":
        return {"response_format": {"type": "json_object"}}
    if method != "json_schema":
        known = "json_schema, function_calling or json_mode"
        raise ValueError(f"method is {method!r}; give {known}")
    found = convert_to_json_schema(cast("Any", schema))
    if strict is False:
        # Asked for and not insisted on: then no answer is refused or asked again either.
        name = found.get("title") or "output"
        shape = {"name": name, "schema": found, "strict": False}
        return {"response_format": {"type": "json_schema", "json_schema": shape}}
    return {"output": found}


def _parser(schema: Schema) -> Parsing:
    if _is_model(schema):
        return PydanticOutputParser(pydantic_object=cast("Any", schema))
    return JsonOutputParser()


def _by_tool(
    model: BaseChatModel, schema: Schema, strict: bool | None, about: dict[str, Any]
) -> tuple[Asking, Parsing]:
    name = convert_to_openai_tool(cast("Any", schema))["function"]["name"]
    tools = [cast("Any", schema)]
    # One value is wanted: several calls at once would be several.
    more = {"strict": strict, "parallel_tool_calls": False, **about}
    asking = model.bind_tools(tools, tool_choice=name, **more)
    if _is_model(schema):
        return asking, PydanticToolsParser(tools=tools, first_tool_only=True)
    return asking, JsonOutputKeyToolsParser(key_name=name, first_tool_only=True)


def _is_model(schema: Schema) -> bool:
    return isinstance(schema, type) and is_basemodel_subclass(schema)
