"""What is said to a model: how to answer, and what was wrong with its answer."""

from __future__ import annotations

import json

from ..errors import OutputError
from ..ports import Validator

__all__ = ["instructions", "reask"]

_MAX_TOLD = 2000


def instructions(validator: Validator) -> str:
    """The words of a prompt that ask for the validator's shape, for a vendor that has neither
    schemas nor a JSON mode."""
    schema = json.dumps(validator.schema, ensure_ascii=False, separators=(",", ":"))
    return (
        "Answer with one JSON object and nothing else: no text before or after it, no code "
        f"fence, no comments. It must be valid by this JSON Schema:\n{schema}"
    )


def reask(error: OutputError) -> str:
    """The turn that shows a model what was wrong with its answer, in at most 2,200 characters."""
    told = "\n".join(f"- {line}" for line in error.errors or (error.message,))
    if len(told) > _MAX_TOLD:
        told = f"{told[:_MAX_TOLD]}..."
    return (
        f"Your answer could not be used:\n{told}\n"
        "Answer again with the whole corrected JSON and nothing else."
    )
