"""`python -m bench.bus [rounds]`: publishing and consuming, beside bare aio-pika on the same broker and body.

Ours carries the CloudEvents headers of a real event, which the baseline does not, and decodes it to a checked event,
where the baseline reads its JSON. Both: durable quorum queue, confirms, mandatory, prefetch 100, uvloop.
"""

import asyncio
import json
import secrets
import sys
from contextlib import AsyncExitStack
from uuid import uuid4

import aio_pika
from aio_pika.abc import AbstractIncomingMessage, AbstractQueue

from bench.measure import ROUNDS, Meter, compare, run
from deploy.local.rabbit import running_rabbit
from shared.bus.amqp import AmqpBus
from shared.bus.contract import Message, Queue
from shared.events import Envelope, PostFailed, body_of, decode, headers_of

QUEUE = Queue("bench.q1", (PostFailed.name,))
BODY_BYTES = 1024
IN_FLIGHT = PREFETCH = 100
CALLERS = 4
AWAITED, PIPELINED, CONSUMED = 500, 5000, 5000


def event() -> PostFailed:
    """Return an event whose body has the size of the baseline's."""
    bare = PostFailed(post=uuid4(), remedy="rejected", reason="")
    return bare.model_copy(update={"reason": "x" * (BODY_BYTES - len(body_of(bare)))})


def messages(count: int) -> list[Message]:
    """Return so many messages, each with an id of its own, as the outbox hands them over."""
    envelope = Envelope.of(event(), "publisher", traceparent=f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01")
    body, headers = body_of(envelope.event), headers_of(envelope)
    ids = [str(uuid4()) for _ in range(count)]
    return [Message(id_, envelope.event.routing_key, body, {**headers, "ce-id": id_}) for id_ in ids]


class Ours:
    """The bus."""

    def __init__(self, bus: AmqpBus) -> None:
        self.bus = bus

    async def awaited(self) -> Meter:
        """Publish one after the other."""
        wanted = messages(AWAITED)
        with Meter(AWAITED) as meter:
            for message in wanted:
                assert await self.bus.publish([message]), "a message was not confirmed"
        await self.empty(AWAITED)
        return meter

    async def pipelined(self) -> Meter:
        """Publish in calls of a part each, so that always about `IN_FLIGHT` are on their way."""
        await self.fill(meter := Meter(PIPELINED))
        await self.empty(PIPELINED)
        return meter

    async def fill(self, meter: Meter) -> None:
        """Publish as many as the meter counts."""
        wanted, part = messages(meter.units), IN_FLIGHT // CALLERS
        starts = iter(range(0, meter.units, part))

        async def caller() -> None:
            for at in starts:
                confirmed = await self.bus.publish(wanted[at : at + part])
                assert len(confirmed) == part, "a message was not confirmed"

        with meter:
            await asyncio.gather(*(caller() for _ in range(CALLERS)))

    async def consumed(self) -> Meter:
        """Take, decode and ack; from the first delivery on."""
        await self.fill(Meter(CONSUMED))
        return await self.empty(CONSUMED)

    async def empty(self, count: int) -> Meter:
        """Consume so many, the first take outside the meter."""
        async with self.bus.subscribe(QUEUE.name, PREFETCH) as subscription:
            first = await subscription.take(1)
            await subscription.ack(first)
            left = count - 1
            with Meter(left) as meter:
                while left:
                    deliveries = await subscription.take(PREFETCH)
                    for delivery in deliveries:
                        decode(delivery.message.headers, delivery.message.body)
                    await subscription.ack(deliveries)
                    left -= len(deliveries)
        return meter


class Bare:
    """aio-pika as its documentation uses it."""

    def __init__(self, publishing: aio_pika.abc.AbstractChannel, queue: AbstractQueue) -> None:
        self.channel = publishing
        self.queue = queue
        self.body = json.dumps({"text": "x" * (BODY_BYTES - 12)}).encode()

    async def send(self, count: int, in_flight: int) -> None:
        """Publish `count`, `in_flight` at a time."""
        left = iter(range(count))

        async def worker() -> None:
            for _ in left:
                message = aio_pika.Message(
                    self.body, delivery_mode=2, content_type="application/json", message_id=str(uuid4())
                )
                await self.channel.default_exchange.publish(message, self.queue.name)

        await asyncio.gather(*(worker() for _ in range(in_flight)))

    async def awaited(self) -> Meter:
        """Publish one after the other."""
        with Meter(AWAITED) as meter:
            await self.send(AWAITED, 1)
        await self.queue.purge()
        return meter

    async def pipelined(self) -> Meter:
        """Publish with `IN_FLIGHT` on their way at any time."""
        with Meter(PIPELINED) as meter:
            await self.send(PIPELINED, IN_FLIGHT)
        await self.queue.purge()
        return meter

    async def consumed(self) -> Meter:
        """Read the JSON and ack; from the first delivery on."""
        await self.send(CONSUMED, IN_FLIGHT)
        meter, seen, done = Meter(CONSUMED - 1), 0, asyncio.Event()

        async def arrive(message: AbstractIncomingMessage) -> None:
            nonlocal seen
            json.loads(message.body)
            await message.ack()
            seen += 1
            if seen == 1:
                meter.__enter__()
            if seen == CONSUMED:
                meter.__exit__(None, None, None)
                done.set()

        tag = await self.queue.consume(arrive)
        await done.wait()
        await self.queue.cancel(tag)
        return meter


async def main() -> None:
    """Compare on a broker of AMQP_URL, or a private one."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    async with AsyncExitStack() as stack:
        broker = stack.enter_context(running_rabbit())
        print(f"{broker.description}; body {BODY_BYTES} bytes, {rounds} rounds, median [least–greatest]\n")
        name = f"bench{secrets.token_hex(4)}"
        bus = AmqpBus(broker.amqp_url, name)
        await bus.declare([QUEUE])
        connection = await stack.enter_async_context(await aio_pika.connect(broker.amqp_url))
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=PREFETCH)
        queue = await channel.declare_queue(f"{name}.bare", durable=True, arguments={"x-queue-type": "quorum"})
        ours, bare = Ours(bus), Bare(channel, queue)
        try:
            await compare("publish, each awaited", ours.awaited, bare.awaited, 0.85, rounds)
            await compare(f"publish, {IN_FLIGHT} in flight", ours.pipelined, bare.pipelined, 0.75, rounds)
            await compare(f"consume, prefetch {PREFETCH}", ours.consumed, bare.consumed, 0.65, rounds)
        finally:
            await queue.delete(if_unused=False, if_empty=False)
            await bus.drop()
            await bus.close()


if __name__ == "__main__":
    run(main)
