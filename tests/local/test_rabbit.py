"""A private RabbitMQ: started, killed, restarted; two at once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import aio_pika
import httpx
import pytest

from deploy.local.rabbit import private_rabbit
from deploy.local.rabbit_node import PrivateRabbit


@pytest.fixture(scope="module")
def nodes() -> Iterator[list[PrivateRabbit]]:
    with ExitStack() as stack, ThreadPoolExecutor() as pool:
        yield list(pool.map(lambda _: stack.enter_context(private_rabbit()), range(2)))


async def publish(url: str, queue: str, body: bytes) -> None:
    async with await aio_pika.connect(url) as connection, connection.channel() as channel:
        await channel.declare_queue(queue, durable=True, arguments={"x-queue-type": "quorum"})
        message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        await channel.default_exchange.publish(message, routing_key=queue)


async def take(url: str, queue: str) -> bytes:
    async with await aio_pika.connect(url) as connection, connection.channel() as channel:
        found = await channel.get_queue(queue)
        message = await found.get(timeout=30)
        assert message is not None
        await message.ack()
        return message.body


async def test_the_server_of_the_run_confirms_and_delivers(amqp_url: str, namespace: str) -> None:
    async with await aio_pika.connect(amqp_url) as connection, connection.channel() as channel:
        queue = await channel.declare_queue(namespace, exclusive=True)
        await channel.default_exchange.publish(aio_pika.Message(b"ding"), routing_key=namespace)
        message = await queue.get(timeout=30)
        assert message is not None
        assert message.body == b"ding"


async def test_two_nodes_at_once_know_nothing_of_each_other(nodes: list[PrivateRabbit]) -> None:
    first, second = nodes
    await publish(first.amqp_url, "only-here", b"ding")
    async with await aio_pika.connect(second.amqp_url) as connection, connection.channel() as channel:
        with pytest.raises(aio_pika.exceptions.ChannelNotFoundEntity):
            await channel.get_queue("only-here")
    assert await take(first.amqp_url, "only-here") == b"ding"


async def test_a_confirmed_message_survives_a_kill_and_a_restart(nodes: list[PrivateRabbit]) -> None:
    node = nodes[0]
    await publish(node.amqp_url, "kept", b"one")
    node.kill()
    with pytest.raises(ConnectionError):
        await aio_pika.connect(node.amqp_url)
    node.start()
    assert await take(node.amqp_url, "kept") == b"one"
    await publish(node.amqp_url, "kept", b"two")
    node.restart()
    assert await take(node.amqp_url, "kept") == b"two"


async def test_the_management_address_tells_the_version(nodes: list[PrivateRabbit]) -> None:
    url = httpx.URL(nodes[1].management_url)
    async with httpx.AsyncClient(auth=(url.username, url.password), trust_env=False) as http:
        overview = (await http.get(url.copy_with(userinfo=b"", path="/api/overview"))).json()
    assert overview["rabbitmq_version"] in nodes[1].description
