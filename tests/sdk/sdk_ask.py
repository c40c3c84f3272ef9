"""Run inside an environment: what the bare SDK there gets from the provider at ``argv[1]``."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import openai

import seawall

MESSAGES: Any = [{"role": "user", "content": "Name a harbour."}]


async def ask(base_url: str) -> dict[str, object]:
    async with openai.AsyncOpenAI(base_url=base_url, api_key="sk-test", max_retries=0) as client:
        create = client.chat.completions.create
        whole = await create(model="m", messages=MESSAGES)
        pieces = [
            chunk.choices[0].delta.content or ""
            async for chunk in await create(model="m", messages=MESSAGES, stream=True)
            if chunk.choices
        ]
    with openai.OpenAI(base_url=base_url, api_key="sk-test", max_retries=0) as sync:
        blocking = sync.chat.completions.create(model="m", messages=MESSAGES)
    return {
        "version": openai.__version__,
        "texts": [
            whole.choices[0].message.content,
            "".join(pieces),
            blocking.choices[0].message.content,
        ],
        "seawall": seawall.__file__,
        "client": seawall.AsyncSeawall.__name__,
    }


print(json.dumps(asyncio.run(ask(sys.argv[1]))))
