"""On a real RabbitMQ: an event that ends its consumer's process each time is set aside, and harms no other.

Set aside it is kept, and sent again after a fix it is handled.
"""

import asyncio
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from deploy.local.databases import DatabaseFactory
from shared.bus.amqp import AmqpBus
from shared.bus.contract import DEAD, Message
from shared.bus.memory import MemoryBus
from shared.database import begin
from shared.events import Envelope, PostCancelled, body_of, headers_of
from shared.mailbox import Mailbox, kept, posts_queue, topology
from shared.mailbox.kept import Group
from shared.settings import Settings
from tests.mailbox.conftest import cancelled, count, mailbox_on, note, running, until
from tests.mailbox.killer import KILLED

ROOT = Path(__file__).parents[2]
QUEUE = posts_queue("policy")
EVENTS = 20
PATIENCE = 240.0
DONE = "SELECT count(*) FROM thing"
POISON_DONE = "SELECT count(*) FROM thing WHERE post = :post"


@asynccontextmanager
async def broker(amqp_url: str, namespace: str) -> AsyncIterator[AmqpBus]:
    bus = AmqpBus(amqp_url, namespace)
    try:
        await bus.declare(topology(["bluesky"]))
        yield bus
        await bus.drop()
    finally:
        await bus.close()


class Restarted:
    """A process that is started again each time it ends."""

    def __init__(self, *words: str) -> None:
        self.codes: list[int] = []
        self._words = words
        self._process: Process | None = None

    async def keep(self) -> None:
        try:
            while True:
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "tests.mailbox.killer", *self._words, cwd=ROOT
                )
                self.codes.append(await self._process.wait())
        finally:
            if self._process and self._process.returncode is None:
                self._process.kill()
                await self._process.wait()


@pytest.mark.timeout(300)
async def test_the_killer_is_set_aside(database: DatabaseFactory, amqp_url: str, namespace: str) -> None:
    address, settings = await database("policy"), Settings(_env_file=None)
    events = [cancelled() for _ in range(EVENTS)]
    poison = events[EVENTS // 3]
    envelopes = [Envelope.of(event, "ingest") for event in events]
    messages = [Message(str(e.id), e.event.routing_key, body_of(e.event), headers_of(e)) for e in envelopes]
    async with broker(amqp_url, namespace) as bus, mailbox_on(address, MemoryBus(), settings) as mailbox:
        assert len(await bus.publish(messages)) == EVENTS

        async def all_done() -> bool:
            return await bus.depth(QUEUE + DEAD) == 1 and await count(mailbox.engine, DONE) == EVENTS - 1

        child = Restarted(address, amqp_url, namespace, str(poison.post))
        keeping = asyncio.create_task(child.keep())
        try:
            await until(all_done, PATIENCE)
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
        # The first time it came with others, and nobody could say which of them it was.
        assert child.codes == [KILLED] * (1 + settings.poison_attempts)
        assert await count(mailbox.engine, "SELECT max(handled) FROM thing") == 1
        assert await count(mailbox.engine, POISON_DONE, {"post": poison.post}) == 0
        own = Mailbox("policy", mailbox.engine, bus, settings)
        async with running(own.dead_letters(QUEUE).run, own.consumer({PostCancelled: note}).run, own.relay.run):
            await until(lambda: kept_one(own))
            letter = await only_letter(own)
            assert (letter.cause, letter.times, letter.state) == ("process_died", 1, "kept")
            assert letter.event_id == envelopes[EVENTS // 3].id
            async with begin(own.engine) as db:
                assert await kept.replay(letter.id, "a tool", db)
            await until(lambda: all_handled(own))
        assert await count(own.engine, "SELECT max(handled) FROM thing") == 1
        assert (await only_letter(own)).state == "replayed"


async def kept_one(mailbox: Mailbox) -> bool:
    return await count(mailbox.engine, "SELECT count(*) FROM dead_letter") == 1


async def all_handled(mailbox: Mailbox) -> bool:
    return await count(mailbox.engine, DONE) == EVENTS


async def only_letter(mailbox: Mailbox) -> Any:
    async with begin(mailbox.engine) as db:
        (letter,) = await kept.look(Group(), None, 0, 10, db)
        return letter
