"""Why settings of LiteLLM have no counterpart, and what to do instead."""

from __future__ import annotations

from .section import Why

__all__ = ["DEPLOYMENT", "ELSEWHERE", "GENERAL", "MODEL_INFO", "ROUTER", "SETTINGS"]

_IN_THE_CALL: Why = (
    "a model has no parameters of its own here",
    "Give it in the call, or once with with_options",
)
_LIMIT: Why = (
    "calls are not limited before they are made; a 429 is waited for or goes to the next route",
    "Nothing to do, if the vendor's own limits are enough",
)
_CLOUD: Why = ("a vendor's identity is not part of the settings", "Set its variable")
_NO_GATEWAY: Why = (
    "there is no gateway yet, so there are no callers to tell apart",
    "Keep it for the day there is one",
)
_NO_CACHE: Why = ("answers are not cached yet", "Cache in your application, if you must")
_NO_SINKS: Why = (
    "records go to the ledger, and nowhere else yet",
    "Read them with `seawall logs` and `seawall explain`",
)
_NO_GUARDS: Why = ("nothing inspects what goes in and out yet", "Do it around the call")
_NO_STRATEGY: Why = (
    "the routes of an alias are asked in order, the load is not spread",
    "Bring the routes into the order you want",
)
_ADAPTED: Why = (
    "there is nothing to switch: what a model cannot do is refused before the call, or left out "
    "with a note in the reply",
    "See docs/providers.md",
)
_BY_KIND: Why = ("one number is for all kinds of fault", "Look at docs/faults.md")
_REDIS: Why = ("circuits and budgets belong to one process", "Nothing to do with one process")

DEPLOYMENT: dict[str, Why] = {
    **dict.fromkeys(("rpm", "tpm", "max_parallel_requests", "max_budget"), _LIMIT),
    **dict.fromkeys(
        (
            *("temperature", "top_p", "max_tokens", "max_completion_tokens", "seed", "stop", "n"),
            *("presence_penalty", "frequency_penalty", "response_format", "reasoning_effort"),
            *("thinking", "extra_body", "tools", "tool_choice", "user", "service_tier"),
        ),
        _IN_THE_CALL,
    ),
    **dict.fromkeys(("drop_params", "modify_params", "additional_drop_params"), _ADAPTED),
    "api_version": ("Azure's /openai/v1 is asked, which has no versions", ""),
    "azure_ad_token": ("tokens that expire are no settings", "Use a key, or azure-identity"),
    "mock_response": ("answers are not made up here", "Try `seawall sim`"),
    **dict.fromkeys(
        (
            *("aws_region_name", "aws_access_key_id", "aws_secret_access_key", "aws_profile_name"),
            *("vertex_project", "vertex_location", "vertex_credentials", "region_name"),
            *("tenant_id", "client_id", "client_secret"),
        ),
        _CLOUD,
    ),
}

MODEL_INFO: dict[str, Why] = {
    "base_model": ("models are known by the vendor's name", "Set price and window, if needed"),
    "mode": ("a name can be asked for whatever its vendor serves", "Nothing to do"),
    "max_tokens": ("an answer's cap is not a fact of the model here", "Give it in the call"),
    "max_output_tokens": ("an answer's cap is not a fact of the model here", "Give it in the call"),
    "access_groups": _NO_GATEWAY,
    "supported_environments": ("one file is for one environment", "Keep one file for each"),
    **dict.fromkeys(
        (
            *("supports_function_calling", "supports_vision", "supports_response_schema"),
            *("supports_parallel_function_calling", "supports_system_messages"),
        ),
        ("what a vendor can do is told by its quirks", "Write [vendors.NAME] quirks = {...}"),
    ),
}

SETTINGS: dict[str, Why] = {
    **dict.fromkeys(
        ("cache", "cache_params", "enable_caching_on_provider_specific_optional_params"), _NO_CACHE
    ),
    **dict.fromkeys(
        (
            "callbacks",
            "success_callback",
            "failure_callback",
            "service_callbacks",
            "audit_log_callbacks",
            "langfuse_default_tags",
            "redact_user_api_key_info",
        ),
        _NO_SINKS,
    ),
    **dict.fromkeys(("drop_params", "modify_params"), _ADAPTED),
    **dict.fromkeys(
        ("set_verbose", "json_logs"),
        ("logging is Python's own", "Set the level of the logger `seawall`"),
    ),
    **dict.fromkeys(
        (
            "max_budget",
            "budget_duration",
            "upperbound_key_generate_params",
            "default_team_settings",
            "default_internal_user_params",
            "max_internal_user_budget",
            "key_generation_settings",
        ),
        _NO_GATEWAY,
    ),
    "content_policy_fallbacks": (
        "what one vendor refuses as harmful is not taken to another",
        "Catch ContentFilterError",
    ),
    "guardrails": _NO_GUARDS,
    "ssl_verify": ("certificates are always verified", "Set SSL_CERT_FILE for an authority"),
    "enable_json_schema_validation": ("an answer is validated when output= is given", ""),
}

ROUTER: dict[str, Why] = {
    **dict.fromkeys(
        ("routing_strategy", "routing_strategy_args", "enable_weighted_failover"), _NO_STRATEGY
    ),
    **dict.fromkeys(
        (
            "redis_host",
            "redis_port",
            "redis_password",
            "redis_url",
            "redis_db",
            "cache_kwargs",
            "cache_responses",
        ),
        _REDIS,
    ),
    **dict.fromkeys(("retry_policy", "allowed_fails_policy", "model_group_retry_policy"), _BY_KIND),
    **dict.fromkeys(("default_litellm_params",), _IN_THE_CALL),
    **dict.fromkeys(("default_max_parallel_requests", "provider_budget_config"), _LIMIT),
    "content_policy_fallbacks": SETTINGS["content_policy_fallbacks"],
    "enable_pre_call_checks": (
        "a prompt that does not fit a route's window always goes to a larger one",
        "Nothing to do",
    ),
    "max_fallbacks": ("every route of an alias may be asked", "Shorten the routes"),
    "retry_after": ("waits are drawn at random, or are the provider's", "See docs/faults.md"),
    "set_verbose": SETTINGS["set_verbose"],
    "debug_level": SETTINGS["set_verbose"],
}

GENERAL: dict[str, Why] = dict.fromkeys(
    (
        "master_key",
        "database_url",
        "custom_auth",
        "enable_jwt_auth",
        "litellm_jwtauth",
        "store_model_in_db",
        "allowed_routes",
        "public_routes",
        "pass_through_endpoints",
        "user_api_key_cache_ttl",
        "database_connection_pool_limit",
        "database_connection_timeout",
        "max_parallel_requests",
        "global_max_parallel_requests",
        "ui_access_mode",
        "proxy_batch_write_at",
        "enforce_user_param",
        "service_account_settings",
    ),
    _NO_GATEWAY,
) | {
    "alerting": _NO_SINKS,
    "alerting_threshold": _NO_SINKS,
    "alerting_args": _NO_SINKS,
    "alert_types": _NO_SINKS,
    "store_prompts_in_spend_logs": ("the ledger keeps them", "See [ledger] content"),
    "key_management_system": ("keys come from the environment and .env", "Export them there"),
    "key_management_settings": ("keys come from the environment and .env", "Export them there"),
}

ELSEWHERE: dict[str, Why] = {
    "callback_settings": _NO_SINKS,
    "guardrails": _NO_GUARDS,
    "mcp_servers": ("tools are given in the call", "Give tools= there"),
    "mcp_tools": ("tools are given in the call", "Give tools= there"),
    "prompts": ("prompts belong to the application", "Tag calls with prompt="),
}
