"""``seawall demo``: five steps of a reliable call, on a real model, with no key."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import click

from ...client.aio import AsyncSeawall
from ...errors import OutputError, StreamCutError
from ..local import fetch_any
from .products import PRODUCTS, SYSTEM, Product, Scene
from .show import Show
from .upstream import Upstream

__all__ = ["demo"]


@click.command()
@click.option("--model", default="qwen2.5-coder-1.5b", show_default=True, help="Local model.")
def demo(model: str) -> None:
    """Ask the embedded model about three products, through a provider that fails on purpose."""
    show = Show()
    show.opening()
    asyncio.run(_run(show, fetch_any(model)))


async def _run(show: Show, model: str) -> None:
    async with AsyncExitStack() as stack:
        direct = AsyncSeawall(ledger=False)
        stack.push_async_callback(direct.aclose)
        upstream = Upstream(direct.assembly.router.route(f"local/{model}").transport, show.upstream)
        stack.push_async_callback(upstream.close)
        client = _client(await upstream.start(), model)
        stack.push_async_callback(client.aclose)
        stack.enter_context(show.listening())
        await show.warm_up(client, model)
        show.plan(client)
        for scene in PRODUCTS:
            await _scene(show, client, upstream, scene)
        upstream.plan(())
        await _recovery(show, client)
    show.receipt(client.assembly.dir)


def _client(base_url: str, model: str) -> AsyncSeawall:
    """What a user would write: a vendor, an alias with a fallback, and the policies."""
    return AsyncSeawall(
        vendors={"wall": {"base_url": base_url}},
        models={
            "shop": {
                "route": [f"wall/{model}", f"local/{model}"],
                "retry": {"attempts": 3, "base": 0.2},
                "breaker": {"failures": 5, "ratio": 0.5, "cooldown": 4.0},
                "deadline": {"first_token": 60, "idle": 30, "total": 120},
            },
            f"wall/{model}": {"price": {"input": "0.15", "output": "0.60"}},
        },
    )


async def _scene(show: Show, client: AsyncSeawall, upstream: Upstream, scene: Scene) -> None:
    show.scene(scene)
    upstream.plan(scene.mishaps)
    while True:
        try:
            async with client.stream(
                scene.text,
                model="shop",
                system=SYSTEM,
                output=Product,
                temperature=0,
                seed=7,
                max_tokens=80,
                feature="demo",
                prompt="catalogue",
                prompt_version="1",
            ) as stream:
                show.answering()
                async for piece in stream.text:
                    show.piece(piece)
                reply = await stream.reply()
        except StreamCutError as cut:
            show.cut(cut)
            continue
        except OutputError as error:
            # The smallest models sometimes run on inside a string until they are stopped.
            show.refused(error)
            return
        show.answer(reply)
        return


async def _recovery(show: Show, client: AsyncSeawall) -> None:
    """After the cooldown one probe passes; its answer closes the circuit."""
    await show.cooldown(client)
    reply = await client.chat(
        "Say ok.", model="shop", max_tokens=2, temperature=0, feature="demo", system=SYSTEM
    )
    show.recovered(reply)
