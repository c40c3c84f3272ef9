"""LiteLLM's providers, by the prefixes of its model names, and what stands for each here.

Source: LiteLLM's documentation of providers, and its get_llm_provider_logic.py for addresses and
variables. Azure's address without an api-version: learn.microsoft.com, API version lifecycle.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

__all__ = ["ELSEWHERE", "PROVIDERS", "Provider", "guess"]


class Provider(Struct, frozen=True, kw_only=True):
    """``vendor``: the built-in one, or the name of one that is ``compatible`` with OpenAI's chat
    completions. ``key``: the variable that LiteLLM reads when no key is given. ``base_url``:
    where it is when nothing is said. ``ending``: what an address has here behind LiteLLM's,
    ``trimmed``: what it has there and not here. ``within``: segments that may stand before the
    model's name, which begins with one of ``models``. ``variables``: its parameters, by the names
    they have here. ``transport``: the one that knows the cloud's identities."""

    vendor: str
    compatible: bool = False
    key: str | None = None
    base_url: str | None = None
    ending: str = ""
    trimmed: tuple[str, ...] = ()
    within: tuple[str, ...] = ()
    models: tuple[str, ...] = ("",)
    variables: Mapping[str, str] = {}
    transport: str | None = None


def _compatible(vendor: str, base_url: str | None, key: str | None) -> Provider:
    """A server that speaks OpenAI's chat completions and has no row."""
    return Provider(vendor=vendor, compatible=True, base_url=base_url, key=key)


_OLLAMA = Provider(vendor="ollama", ending="/v1", trimmed=("/v1", "/api"))
_VERTEX = Provider(
    vendor="vertex",
    models=("gemini", "claude"),
    variables={"vertex_project": "project", "vertex_location": "location"},
    transport="sdk",
)
_VLLM = Provider(vendor="vllm")
_COHERE = Provider(vendor="cohere", key="COHERE_API_KEY", trimmed=("/v2/chat", "/v1/chat"))

PROVIDERS: dict[str, Provider] = {
    "ai21_chat": _compatible("ai21", "https://api.ai21.com/studio/v1", "AI21_API_KEY"),
    "anthropic": Provider(
        vendor="anthropic", key="ANTHROPIC_API_KEY", trimmed=("/v1/messages", "/v1")
    ),
    "azure": Provider(
        vendor="azure",
        key="AZURE_API_KEY",
        base_url="${AZURE_API_BASE}/openai/v1",
        ending="/openai/v1",
        trimmed=("/openai/v1",),
        within=("o_series", "gpt5_series"),
    ),
    "azure_ai": _compatible("azure-ai", None, "AZURE_AI_API_KEY"),
    "bedrock": Provider(
        vendor="bedrock",
        within=("converse", "invoke"),
        models=("anthropic.", "us.anthropic.", "eu.anthropic.", "apac.anthropic.", "global.anthro"),
        variables={"aws_region_name": "region"},
        transport="sdk",
    ),
    "cerebras": _compatible("cerebras", "https://api.cerebras.ai/v1", "CEREBRAS_API_KEY"),
    "cohere": _COHERE,
    "cohere_chat": _COHERE,
    "custom_openai": _compatible("custom", None, None),
    "deepseek": Provider(vendor="deepseek", key="DEEPSEEK_API_KEY"),
    "fireworks_ai": _compatible(
        "fireworks", "https://api.fireworks.ai/inference/v1", "FIREWORKS_AI_API_KEY"
    ),
    "friendliai": _compatible(
        "friendli", "https://api.friendli.ai/serverless/v1", "FRIENDLIAI_API_KEY"
    ),
    "gemini": Provider(vendor="google", key="GEMINI_API_KEY"),
    "github": _compatible("github", "https://models.inference.ai.azure.com", "GITHUB_API_KEY"),
    "groq": Provider(vendor="groq", key="GROQ_API_KEY"),
    "hosted_vllm": _VLLM,
    "litellm_proxy": _compatible("litellm", None, "LITELLM_PROXY_API_KEY"),
    "llamafile": Provider(vendor="llamacpp"),
    "lm_studio": _compatible("lm-studio", None, None),
    "meta_llama": _compatible("llama", "https://api.llama.com/compat/v1", "LLAMA_API_KEY"),
    "mistral": Provider(vendor="mistral", key="MISTRAL_API_KEY"),
    "nvidia_nim": _compatible(
        "nvidia", "https://integrate.api.nvidia.com/v1", "NVIDIA_NIM_API_KEY"
    ),
    "ollama": _OLLAMA,
    "ollama_chat": _OLLAMA,
    "openai": Provider(vendor="openai", key="OPENAI_API_KEY"),
    "openrouter": Provider(vendor="openrouter", key="OPENROUTER_API_KEY"),
    "perplexity": _compatible("perplexity", "https://api.perplexity.ai", "PERPLEXITYAI_API_KEY"),
    "sambanova": _compatible("sambanova", "https://api.sambanova.ai/v1", "SAMBANOVA_API_KEY"),
    "together_ai": Provider(vendor="together", key="TOGETHER_API_KEY"),
    "vertex_ai": _VERTEX,
    "vertex_ai_beta": _VERTEX,
    "vllm": _VLLM,
    "volcengine": _compatible(
        "volcengine", "https://ark.cn-beijing.volces.com/api/v3", "VOLCENGINE_API_KEY"
    ),
    "xai": Provider(vendor="xai", key="XAI_API_KEY"),
}

#: Prefixes whose wire is none that is spoken here, whatever their address: why.
ELSEWHERE: dict[str, str] = {
    "sagemaker": "SageMaker's endpoints have a form of their own",
    "sagemaker_chat": "SageMaker's endpoints have a form of their own",
    "text-completion-openai": "OpenAI's older completions, which are no chat, are not spoken",
    "watsonx": "watsonx has a form of its own",
}

_GUESSES = {
    "claude": "anthropic",
    "command": "cohere_chat",
    "chatgpt-": "openai",
    "ft:": "openai",
    "gemini-": "vertex_ai",
    "gpt-": "openai",
    "o1": "openai",
    "o3": "openai",
    "o4": "openai",
    "text-embedding-": "openai",
}


def guess(model: str) -> str | None:
    """The prefix LiteLLM means when a known model is named without one."""
    return next((prefix for start, prefix in _GUESSES.items() if model.startswith(start)), None)
