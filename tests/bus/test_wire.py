"""What goes past aiormq, and what it must not notice of that."""

import asyncio
import random
import time

import pytest
from pamqp import commands, frame, header
from pamqp.body import ContentBody
from pamqp.heartbeat import Heartbeat
from yarl import URL

from shared.bus.amqp import AmqpBus
from shared.bus.contract import Message, Queue
from shared.bus.frames import Content, Delivered
from shared.bus.wire import SIGN_OF_LIFE, Lane, SortingProtocol, Wire
from tests.bus.waiting import LIMIT, all_confirmed, ids, messages, taken

ONE = Queue("one.q1", ("post.one",))


class Heard(Lane):
    """A lane that writes down what it hears."""

    def __init__(self, wire: Wire) -> None:
        super().__init__(wire, 1, 4096)
        self.said: list[object] = []

    def delivered(self, delivered: Delivered, content: Content, body: bytes) -> None:
        self.said.append((delivered.tag, content.message_id, body))

    def returned(self, message_id: str) -> None:
        self.said.append(message_id)

    def confirmed(self, tag: int, *, multiple: bool, stored: bool) -> None:
        self.said.append((tag, multiple, stored))


def content(name: str, *bodies: bytes) -> list[frame.FrameTypes]:
    properties = commands.Basic.Properties(message_id=name)
    return [header.ContentHeader(0, sum(map(len, bodies)), properties), *map(ContentBody, bodies)]


STREAM: list[frame.FrameTypes] = [
    commands.Basic.ConsumeOk("c"),
    commands.Basic.Deliver("c", 1, False, "e", "k"),
    *content("a", b"one", b"two"),
    commands.Basic.Ack(3, True),
    commands.Basic.Return(312, "NO_ROUTE", "e", "k"),
    *content("b"),
    commands.Basic.Nack(4, False),
    commands.Basic.Deliver("c", 2, True, "e", "k"),
    *content("c", b"three"),
    commands.Channel.CloseOk(),
]
SAID = [(1, "a", b"onetwo"), (3, True, True), "b", (4, False, False), (2, "c", b"three")]


@pytest.mark.parametrize("seed", range(20))
async def test_frames_are_sorted_however_they_are_cut(seed: int) -> None:
    wire, reader = Wire(), asyncio.StreamReader()
    lane = Heard(wire)
    protocol = SortingProtocol(reader, wire.lanes)
    of_another = frame.marshal(commands.Basic.Ack(9, False), 2)
    stream = b"".join(frame.marshal(part, 1) for part in STREAM) + of_another
    cuts = sorted(random.Random(seed).sample(range(len(stream)), seed))
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        protocol.data_received(stream[start:end])
    protocol.eof_received()
    passed = (await reader.read()).replace(frame.marshal(Heartbeat(), 0), b"")
    assert passed == frame.marshal(STREAM[0], 1) + frame.marshal(STREAM[-1], 1) + of_another
    assert lane.said == SAID
    assert not wire.lanes, "the number is free for another channel"


async def test_what_is_no_frame_is_passed_on_at_the_end() -> None:
    reader = asyncio.StreamReader()
    protocol = SortingProtocol(reader, {})
    protocol.data_received(b"AMQP\x00\x01\x00\x00")
    protocol.eof_received()
    assert await reader.read() == b"AMQP\x00\x01\x00\x00"


async def test_message_of_many_frames_arrives_whole(amqp_url: str, namespace: str) -> None:
    bus = AmqpBus(amqp_url, namespace)
    await bus.declare([ONE])
    body = random.Random(1).randbytes(500_000)
    async with bus.subscribe("one.q1", 10) as subscription:
        assert await bus.publish([Message("big", "post.one", body), *messages(1)]) == {"big", "id-0"}
        big, small = await taken(subscription, 2)
        assert (big.message.body, small.message.id) == (body, "id-0")
        await subscription.ack([big, small])
    await bus.drop()
    await bus.close()


async def test_message_that_amqp_cannot_carry_harms_no_neighbour(amqp_url: str, namespace: str) -> None:
    bus = AmqpBus(amqp_url, namespace)
    await bus.declare([ONE])
    assert await bus.publish([*messages(1), Message("x" * 256, "post.one", b"{}")]) == {"id-0"}
    await bus.drop()
    await bus.close()


async def test_busy_connection_is_not_taken_for_dead(amqp_url: str, namespace: str) -> None:
    """The broker sends no heartbeats while it sends messages, and of those aiormq sees none."""
    patience = 3 * (SIGN_OF_LIFE + 1)  # aiormq's, with a heartbeat of a second
    bus = AmqpBus(str(URL(amqp_url).update_query(heartbeat="1")), namespace)
    await bus.declare([ONE])
    began, seen = time.monotonic(), 0
    async with bus.subscribe("one.q1", 10) as subscription, asyncio.timeout(LIMIT):
        while time.monotonic() - began < patience + 2 * SIGN_OF_LIFE:
            await all_confirmed(bus, messages(1, first=seen))
            deliveries = await taken(subscription, 1)
            assert ids(deliveries) == [f"id-{seen}"]
            assert not deliveries[0].redelivered
            assert bus.connected
            assert subscription.consuming
            await subscription.ack(deliveries)
            seen += 1
    await bus.drop()
    await bus.close()
