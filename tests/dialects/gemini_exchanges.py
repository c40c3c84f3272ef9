"""What the API's reference and guides show, as test data. Everything is ``documented``: written
after the page or type named above it, nothing was captured from the service."""

from __future__ import annotations

from typing import Any

import msgspec

# "Text generation", and GenerateContentResponse of google-genai 3.4
TEXT: dict[str, Any] = {
    "candidates": [
        {
            "content": {"parts": [{"text": "Trieste."}], "role": "model"},
            "finishReason": "STOP",
            "index": 0,
            "avgLogprobs": -0.05,
            "safetyRatings": [
                {"category": "HARM_CATEGORY_HATE_SPEECH", "probability": "NEGLIGIBLE"}
            ],
        }
    ],
    "usageMetadata": {
        "promptTokenCount": 12,
        "candidatesTokenCount": 3,
        "totalTokenCount": 35,
        "cachedContentTokenCount": 8,
        "thoughtsTokenCount": 20,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 12}],
    },
    "modelVersion": "gemini-3.8-flash",
    "responseId": "P0ajaJ_8Ga6h7dcPnsTNiQU",
}

# "Thought signatures", parallel function calling: the first call is signed, the others are not
TOOLS: dict[str, Any] = TEXT | {
    "candidates": [
        {
            "content": {
                "parts": [
                    {"text": "Two cities.", "thought": True},
                    {
                        "functionCall": {"name": "weather", "args": {"city": "Paris"}},
                        "thoughtSignature": "c2lnLUE",
                    },
                    {"functionCall": {"name": "weather", "args": {"city": "London"}}},
                ],
                "role": "model",
            },
            "finishReason": "STOP",
            "index": 0,
        }
    ]
}

# "Function calling" with Gemini 3: every call has an id
TOOLS_WITH_IDS: dict[str, Any] = msgspec.json.decode(
    msgspec.json.encode(TOOLS).replace(b'{"name":', b'{"id":"fn-7","name":', 1)
)

# "Thinking": streamed thoughts, then the answer; the signature comes with a last, empty text
STREAM = b"""data: {"candidates": [{"content": {"parts": [{"text": "Ports of ","thought": true}],"role": "model"},"index": 0}],"usageMetadata": {"promptTokenCount": 9,"totalTokenCount": 30,"thoughtsTokenCount": 21},"modelVersion": "gemini-3.8-flash","responseId": "r-1"}\r
\r
data: {"candidates": [{"content": {"parts": [{"text": "Italy.","thought": true}],"role": "model"},"index": 0}],"usageMetadata": {"promptTokenCount": 9,"totalTokenCount": 30,"thoughtsTokenCount": 21},"modelVersion": "gemini-3.8-flash","responseId": "r-1"}\r
\r
data: {"candidates": [{"content": {"parts": [{"text": "Tri"}],"role": "model"},"index": 0,"safetyRatings": [{"category": "HARM_CATEGORY_HATE_SPEECH","probability": "LOW"}]}],"usageMetadata": {"promptTokenCount": 9,"candidatesTokenCount": 1,"totalTokenCount": 31,"thoughtsTokenCount": 21},"modelVersion": "gemini-3.8-flash","responseId": "r-1"}\r
\r
data: {"candidates": [{"content": {"parts": [{"text": "este."}],"role": "model"},"index": 0,"safetyRatings": [{"category": "HARM_CATEGORY_HATE_SPEECH","probability": "NEGLIGIBLE"}]}],"usageMetadata": {"promptTokenCount": 9,"candidatesTokenCount": 3,"totalTokenCount": 33,"thoughtsTokenCount": 21},"modelVersion": "gemini-3.8-flash","responseId": "r-1"}\r
\r
data: {"candidates": [{"content": {"parts": [{"text": "","thoughtSignature": "c2ln"}],"role": "model"},"finishReason": "STOP","index": 0}],"usageMetadata": {"promptTokenCount": 9,"candidatesTokenCount": 3,"totalTokenCount": 33,"thoughtsTokenCount": 21},"modelVersion": "gemini-3.8-flash","responseId": "r-1"}\r
\r
"""  # noqa: E501 - one event a line, as it comes

# GenerateContentResponsePromptFeedback of google-genai 3.4
BLOCKED: dict[str, Any] = {
    "promptFeedback": {
        "blockReason": "PROHIBITED_CONTENT",
        "safetyRatings": [{"category": "HARM_CATEGORY_HARASSMENT", "probability": "HIGH"}],
    },
    "usageMetadata": {"promptTokenCount": 8, "totalTokenCount": 8},
    "modelVersion": "gemini-3.8-flash",
}

# "Structured outputs" and LogprobsResult of google-genai 3.4
LOGPROBS: dict[str, Any] = TEXT | {
    "candidates": [
        {
            "content": {"parts": [{"text": "Tri"}], "role": "model"},
            "finishReason": "MAX_TOKENS",
            "logprobsResult": {
                "chosenCandidates": [{"token": "Tri", "tokenId": 5, "logProbability": -0.25}],
                "topCandidates": [
                    {
                        "candidates": [
                            {"token": "Tri", "tokenId": 5, "logProbability": -0.25},
                            {"token": "Ven", "tokenId": 6, "logProbability": -1.5},
                        ]
                    }
                ],
            },
        }
    ]
}


def error(code: int, message: str, status: str, *details: dict[str, Any]) -> bytes:
    """An error body with ``google.rpc`` details."""
    told: dict[str, Any] = {"code": code, "message": message, "status": status}
    return msgspec.json.encode({"error": told | ({"details": list(details)} if details else {})})


def quota(quota_id: str, **more: str) -> dict[str, Any]:
    """A ``QuotaFailure`` as the free tier's 429 bodies hold it."""
    metric = "generativelanguage.googleapis.com/generate_content_free_tier_requests"
    violation = {"quotaMetric": metric, "quotaId": quota_id, **more}
    return {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [violation]}


def retry(delay: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}


def reason(word: str) -> dict[str, Any]:
    kind = "type.googleapis.com/google.rpc.ErrorInfo"
    return {"@type": kind, "reason": word, "domain": "googleapis.com"}


#: "Rate limits": the words of every 429 of the free tier, whichever limit it was.
EXCEEDED = (
    "You exceeded your current quota, please check your plan and billing details. For more "
    "information on this error, head to: https://ai.google.dev/gemini-api/docs/rate-limits."
)
