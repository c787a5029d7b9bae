"""Waiting for what a bus does, with a limit."""

import asyncio
from collections.abc import Awaitable, Callable

from shared.bus.contract import Bus, Delivery, Message, Subscription

LIMIT = 20.0


def messages(count: int, key: str = "post.one", first: int = 0) -> list[Message]:
    return [
        Message(f"id-{n}", key, f'{{"n": {n}}}'.encode(), {"ce-id": f"id-{n}", "ce-type": "test"})
        for n in range(first, first + count)
    ]


def ids(deliveries: list[Delivery]) -> list[str]:
    return [delivery.message.id for delivery in deliveries]


async def taken(subscription: Subscription, count: int, most: int = 1000) -> list[Delivery]:
    """Take until there are `count`."""
    deliveries: list[Delivery] = []
    async with asyncio.timeout(LIMIT):
        while len(deliveries) < count:
            deliveries += await subscription.take(min(most, count - len(deliveries)))
    return deliveries


async def until(what: str, condition: Callable[[], Awaitable[bool]]) -> None:
    try:
        async with asyncio.timeout(LIMIT):
            while True:
                if await condition():
                    return
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"after {LIMIT:g} s still not so: {what}") from None


async def until_depth(bus: Bus, queue: str, depth: int) -> None:
    async def reached() -> bool:
        return await bus.depth(queue) == depth

    await until(f"{queue} has {depth} ready messages", reached)


async def all_confirmed(bus: Bus, wanted: list[Message], batch: int = 50) -> None:
    """Send, and send again, until each is confirmed: what an outbox does."""
    waiting = {message.id: message for message in wanted}
    while waiting:
        for id_ in await bus.publish(list(waiting.values())[:batch]):
            del waiting[id_]
