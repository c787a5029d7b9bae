"""Everything comes twice: each event again, later and among others, and at last all that was ever sent once more."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

from chaos.fault import CHANNELS, Done, Fault, Round
from chaos.stage import Stage
from shared import platforms
from shared.bus.contract import Message, Queue
from shared.mailbox import SERVICES, topology

EACH = 4
"""Posts on each platform."""
TAP = "tap.q1"
LEFT_OUT = {"inbox", "outbox", "attempt", "alembic_version", "channel_limits"}
"""Tables that remember messages, migrations, and what is read again and again."""
HEARD = {"metrics": {"publication"}, "publisher": {"delivery", "try", "transition", "change"}}
"""Of a service's tables only these: the others say what time brought, not what was heard."""
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"


async def once(stage: Stage, go: Round) -> Done:
    """Ask for the same twice, first undisturbed: the rows that it leaves are as many."""
    channels = [CHANNELS[platform] for platform in stage.platforms]
    number = EACH * len(channels)
    nothing = await counted(stage)
    await _ask(stage, channels, f"{go.mark}a", number)
    clean = await counted(stage)
    async with everything_twice(stage, go.chance) as again:
        await _ask(stage, channels, f"{go.mark}b", number)
        await stage.bus.publish(go.chance.sample(list(again.values()), len(again)))
        await stage.must(lambda: _all_heard(stage), "what was sent again is heard")
        await stage.must(stage.settled, "every post has come to its end")
    doubled = await counted(stage)
    wrong = [
        f"{table}: {clean[table] - nothing[table]} rows undisturbed, {doubled[table] - clean[table]} with all twice"
        for table in clean
        if doubled[table] - clean[table] != clean[table] - nothing[table]
    ]
    return Done(repeats=number, wrong=wrong, notes={"sent again": len(again)})


async def _ask(stage: Stage, channels: list[str], mark: str, number: int) -> None:
    await stage.ask_many(channels, mark, number)
    await stage.must(stage.settled, "every post has come to its end")


async def _all_heard(stage: Stage) -> bool:
    return not await stage.queues()


async def counted(stage: Stage) -> dict[str, int]:
    """Return how many rows each table has, by service and table."""
    found = {}
    for service in SERVICES:
        for row in await stage.rows(service, TABLES):
            if (table := row[0]) not in LEFT_OUT and table in HEARD.get(service, {table}):
                found[f"{service}.{table}"] = (await stage.rows(service, f'SELECT count(*) FROM "{table}"'))[0][0]
    return found


@asynccontextmanager
async def everything_twice(stage: Stage, chance: Random) -> AsyncIterator[dict[str, Message]]:
    """Hear every event, and send it again with others, shuffled; gives what was heard, by id."""
    keys = sorted({key for queue in topology(platforms.specs()) for key in queue.keys})
    await stage.bus.declare([Queue(TAP, tuple(keys))])
    heard: dict[str, Message] = {}

    async def echo() -> None:
        held: list[Message] = []
        async with stage.bus.subscribe(TAP, 200) as tap:
            while True:
                deliveries = await tap.take(20)
                new = {one.message.id: one.message for one in deliveries if one.message.id not in heard}
                held += new.values()
                heard.update(new)
                chance.shuffle(held)
                now, held = held[: len(held) * 3 // 4 + 1], held[len(held) * 3 // 4 + 1 :]
                await stage.bus.publish(now)
                await tap.ack(deliveries)

    echoing = asyncio.create_task(echo())
    try:
        yield heard
    finally:
        echoing.cancel()
        await asyncio.gather(echoing, return_exceptions=True)


FAULT = Fault("6", "every event twice and shuffled, then all of them again", once, broken="amnesiac")
