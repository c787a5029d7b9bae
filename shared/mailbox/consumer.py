"""The consumer: takes messages, lets the inbox handle them in groups, and acks; one that fails is handled alone."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.bus.contract import Bus, Delivery, Subscription
from shared.events import Envelope, Event, UndecodableError, decode
from shared.mailbox.inbox import Handlers, Inbox
from shared.mailbox.pulse import felt
from shared.mailbox.reasons import Cause, reason_of
from shared.mailbox.relay import Relay
from shared.mailbox.waiting import Stopping, patiently, told
from shared.settings import Settings

log = structlog.get_logger()

T = TypeVar("T")

LINGER = 0.25
"""Seconds that events may wait when nobody waits for them."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A delivery that could be read."""

    delivery: Delivery
    envelope: Envelope


class Consumer:
    """Handles what a queue holds, several messages in one transaction, then acks.

    `patient`: events whose outcome nobody waits for. As long as there are only such, it lets up to `linger` seconds
    pass, for more to share their transaction. That saves most of the transactions, and delays no other event.
    """

    def __init__(
        self,
        service: str,
        queue: str,
        handlers: Handlers,
        *,
        engine: AsyncEngine,
        bus: Bus,
        relay: Relay,
        settings: Settings,
        patient: Collection[type[Event]] = (),
        linger: float = LINGER,
    ) -> None:
        self._service = service
        self._queue = queue
        self._inbox = Inbox(service, queue, handlers, engine, relay)
        self._bus = bus
        self._settings = settings
        self._patient = {kind.name for kind in patient}
        self._linger = linger

    async def run(self, stopping: asyncio.Event) -> None:
        """Consume until told to stop; what is under way is finished first."""
        prefetch = self._settings.consume_prefetch
        async with (
            self._bus.subscribe(self._queue, prefetch) as subscription,
            told(stopping, subscription.end),
            felt(self._service, self._queue, self._bus) as pulse,
        ):
            with suppress(Stopping):
                while deliveries := await self._next(subscription):
                    with pulse.handling():
                        await self._handle(subscription, deliveries, stopping)

    async def _next(self, subscription: Subscription) -> Sequence[Delivery]:
        """Return what to handle together: at once if somebody waits for some of it, else a little later."""
        most = self._settings.consume_group
        some = list(await subscription.take(most))
        if not self._may_linger(some):
            return some
        with suppress(TimeoutError):
            async with asyncio.timeout(self._linger):
                while some and len(some) < most and self._may_linger(some):
                    more = await subscription.take(most - len(some))
                    some += more
                    if not more:  # told to stop
                        break
        return some

    def _may_linger(self, deliveries: Sequence[Delivery]) -> bool:
        return all(delivery.message.routing_key in self._patient for delivery in deliveries)

    async def _handle(
        self, subscription: Subscription, deliveries: Sequence[Delivery], stopping: asyncio.Event
    ) -> None:
        """Handle new messages as a group, and alone each one that somebody held before."""
        for redelivered, some in itertools.groupby(deliveries, lambda delivery: delivery.redelivered):
            letters = await self._read(subscription, some)
            if redelivered:
                for letter in letters:
                    await self._alone(subscription, letter, stopping)
            elif letters:
                await self._group(subscription, letters, stopping)

    async def _read(self, subscription: Subscription, deliveries: Iterable[Delivery]) -> list[Letter]:
        """Decode; what no version of this service can read goes to the dead letters at once."""
        letters = []
        for delivery in deliveries:
            try:
                letters.append(Letter(delivery, decode(delivery.message.headers, delivery.message.body)))
            except UndecodableError as error:
                log.error("undecodable message", queue=self._queue, message=delivery.message.id, reason=str(error))
                await subscription.reject(delivery, requeue=False)
        return letters

    async def _group(self, subscription: Subscription, letters: list[Letter], stopping: asyncio.Event) -> None:
        """Handle all in one transaction; when one of them fails, each alone."""
        try:
            await self._patiently(lambda: self._inbox.handle([letter.envelope for letter in letters]), stopping)
        except Stopping:
            raise
        except Exception:
            log.exception("a group failed; its messages are handled one by one", queue=self._queue, size=len(letters))
            for letter in letters:
                await self._alone(subscription, letter, stopping)
        else:
            await subscription.ack([letter.delivery for letter in letters])

    async def _alone(self, subscription: Subscription, letter: Letter, stopping: asyncio.Event) -> None:
        """Handle one message, its try counted first: if it ends this process, the count stays."""
        event = letter.envelope.id
        tries = await self._patiently(lambda: self._inbox.count(event), stopping)
        if tries > self._settings.poison_attempts:
            reason = "each time, the process ended before it was handled"
            await self._bury(subscription, letter, Cause.PROCESS_DIED, reason, stopping)
            return
        try:
            await self._patiently(lambda: self._inbox.handle_new([letter.envelope], forget=event), stopping)
        except Stopping:
            raise
        except Exception as error:
            log.exception("an event failed", queue=self._queue, message=str(event), tries=tries)
            reason = reason_of(error, letter.delivery.message.body)
            if tries >= self._settings.poison_attempts:
                await self._bury(subscription, letter, Cause.HANDLER_CRASHED, reason, stopping)
            else:
                await self._patiently(partial(self._inbox.note, event, reason), stopping)
                await subscription.reject(letter.delivery, requeue=True)
        else:
            await subscription.ack([letter.delivery])

    async def _bury(
        self, subscription: Subscription, letter: Letter, cause: Cause, reason: str, stopping: asyncio.Event
    ) -> None:
        """Give a message to the dead letters, where a person can look at it, once it is written down why."""
        event = letter.envelope.id
        log.error("dead letter", queue=self._queue, message=str(event), cause=cause, reason=reason)
        await self._patiently(partial(self._inbox.note, event, reason, cause), stopping)
        await subscription.reject(letter.delivery, requeue=False)

    async def _patiently(self, act: Callable[[], Awaitable[T]], stopping: asyncio.Event) -> T:
        return await patiently(act, stopping, self._queue)
