"""What a bus promises, whichever transport carries it.

- `publish` confirms a message only when every queue it was routed to has it for good. A nack, a return and a time-out
  all mean "send again"; a message may then arrive twice, never not at all.
- A message with no queue to go to is never confirmed.
- A delivery belongs to one consumer until it is acked or rejected; when that consumer goes, it comes back redelivered.
- Losing the broker is not an error of the caller: a subscription waits, reconnects for ever, and goes on.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

DEAD = ".dead"


class BrokerLostError(ConnectionError):
    """The broker did not answer."""


class QueueConflictError(Exception):
    """A queue of this name exists and is made differently: give the new one a new version in its name."""


@dataclass(frozen=True, slots=True)
class Queue:
    """A durable queue and the routing keys that lead to it; its dead letters gather in `<name>.dead`.

    Its own name is one more key: what is sent there goes to this queue and no other.
    """

    name: str
    keys: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.name or self.name.endswith(DEAD):
            raise ValueError(f"queue {self.name!r}: give it a name, one that does not end in {DEAD!r}")
        if patterns := [key for key in self.keys if "*" in key or "#" in key]:
            raise ValueError(f"queue {self.name!r}: keys are matched exactly, name each instead of {patterns}")


@dataclass(frozen=True, slots=True)
class Message:
    """Bytes with an address; `id` makes duplicates recognisable."""

    id: str
    routing_key: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Death:
    """How a message came to the dead letters, as far as the bus knows."""

    reason: str
    """`rejected` by a consumer, or what else the broker calls it: `delivery_limit`, `maxlen`, `expired`."""
    routing_key: str
    """The key that it was sent with."""
    at: datetime


def distinct(messages: Sequence[Message]) -> None:
    """Raise ValueError when two messages of one call have one id: a set of ids could not say which is confirmed."""
    if len({message.id for message in messages}) < len(messages):
        raise ValueError("publish: two messages have the same id; give each its own, or send them in two calls")


class Delivery(Protocol):
    """A message that this consumer holds."""

    @property
    def message(self) -> Message:
        """The message."""

    @property
    def redelivered(self) -> bool:
        """Whether somebody held it before and did not ack it."""

    @property
    def death(self) -> Death | None:
        """How it died, if it is a dead letter and the bus can tell."""


class Subscription(Protocol):
    """A consumer's end of a queue."""

    @property
    def queue(self) -> str:
        """The queue's name."""

    @property
    def consuming(self) -> bool:
        """Whether the queue delivers to this consumer right now."""

    @property
    def last_delivery(self) -> float | None:
        """When the last delivery came, by `time.monotonic()`; None before the first."""

    async def take(self, most: int) -> Sequence[Delivery]:
        """Wait for at least one delivery and return what is there, `most` at the most, oldest first.

        Returns nothing, at once, when the subscription has been told to end.
        """

    def end(self) -> None:
        """Let `take` return nothing from now on, also one that waits right now; what is held can still be settled.

        So whoever takes can be told to stop by a plain call, and need not be cancelled.
        """

    async def ack(self, deliveries: Iterable[Delivery]) -> None:
        """Say that these are done; after a reconnect this is a no-op, for they come again."""

    async def reject(self, delivery: Delivery, *, requeue: bool) -> None:
        """Give one back: to the queue, redelivered, or to the dead letters (a dead letter always stays one)."""


class Bus(Protocol):
    """A transport of messages."""

    @property
    def connected(self) -> bool:
        """Whether messages can be published right now."""

    @property
    def subscriptions(self) -> Collection[Subscription]:
        """Who consumes through this bus, for the metrics."""

    async def declare(self, queues: Iterable[Queue]) -> None:
        """Make the queues and their bindings; doing it again changes nothing.

        Waits for the broker as long as it takes. Raises QueueConflictError when a queue of that name is there already
        and is made differently.
        """

    async def publish(self, messages: Sequence[Message]) -> set[str]:
        """Send all, pipelined, and return the ids that are confirmed; whatever is missing must be sent again.

        Does not raise for a lost broker: then nothing, or less than everything, is confirmed. A message whose id is on
        its way by another call is not sent twice, its confirm counts for both. Returns within a limit that the
        transport sets. Raises ValueError when two messages have the same id.
        """

    def subscribe(self, queue: str, prefetch: int) -> AbstractAsyncContextManager[Subscription]:
        """Consume a declared queue, holding `prefetch` unacked deliveries at the most."""

    async def depth(self, queue: str) -> int:
        """Return how many messages are ready in a queue; `<queue>.dead` names its dead letters.

        Raises LookupError when there is no such queue, BrokerLostError when the broker can't be asked.
        """

    async def probe(self, timeout: float) -> bool:
        """Say whether a message sent to oneself arrives within `timeout` seconds.

        It goes out over the connection that publishes and comes in over the one that consumes, so a process whose
        consumers have gone deaf says no. Does not raise for a lost broker.
        """

    async def close(self) -> None:
        """Stop consuming and publishing, and let go of the connections."""
