"""What a bus promises, whichever transport carries it.

- `publish` confirms a message only when every queue it was routed to has it for good. A nack, a return and a time-out
  all mean "send again"; a message may then arrive twice, never not at all.
- A message with no queue to go to is never confirmed.
- A delivery belongs to one consumer until it is acked or rejected; when that consumer goes, it comes back redelivered.
- Losing the broker is not an error of the caller: a subscription waits, reconnects for ever, and goes on.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Queue:
    """A durable queue and the routing keys that lead to it."""

    name: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Message:
    """Bytes with an address; `id` makes duplicates recognisable."""

    id: str
    routing_key: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class Delivery(Protocol):
    """A message that this consumer holds."""

    message: Message
    redelivered: bool
    """Somebody held it before and did not ack it."""


class Subscription(Protocol):
    """A consumer's end of a queue."""

    async def take(self, most: int) -> Sequence[Delivery]:
        """Wait for at least one delivery and return what is there, `most` at the most, oldest first."""

    async def ack(self, deliveries: Iterable[Delivery]) -> None:
        """Say that these are done; after a reconnect this is a no-op, for they come again."""

    async def reject(self, delivery: Delivery, *, requeue: bool) -> None:
        """Give one back: to the queue, redelivered, or to the dead letters."""


class Bus(Protocol):
    """A transport of messages."""

    @property
    def connected(self) -> bool:
        """Whether messages can be published right now."""

    async def declare(self, queues: Iterable[Queue]) -> None:
        """Make the queues and their bindings; doing it again changes nothing."""

    async def publish(self, messages: Sequence[Message]) -> set[str]:
        """Send all, pipelined, and return the ids that are confirmed; whatever is missing must be sent again.

        Does not raise for a lost broker: then nothing, or less than everything, is confirmed.
        """

    def subscribe(self, queue: str, prefetch: int) -> AbstractAsyncContextManager[Subscription]:
        """Consume a declared queue, holding `prefetch` unacked deliveries at the most."""

    async def depth(self, queue: str) -> int:
        """Return how many messages are ready in a queue, dead letters (`<queue>.dead`) included."""

    async def probe(self, timeout: float) -> bool:
        """Say whether a message sent to oneself arrives within `timeout` seconds.

        It goes out over the connection that publishes and comes in over the one that consumes, so a process whose
        consumers have gone deaf says no. Does not raise for a lost broker.
        """

    async def close(self) -> None:
        """Stop consuming and publishing, and let go of the connections."""
