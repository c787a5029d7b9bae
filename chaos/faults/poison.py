"""Poison: what is no JSON, what nobody knows, and an event that ends whoever handles it."""

import asyncio
import time
from dataclasses import replace
from uuid import uuid4

from chaos.fault import CHANNELS, Done, Fault, Measured, Round
from chaos.stage import Stage
from shared.bus.contract import Message
from shared.events import Envelope, PostCancelled, Requester, body_of, headers_of
from shared.mailbox import posts_queue

HEARERS = {"policy": "policy-worker", "publisher": "publisher-planner"}
"""Who hears that a post is cancelled."""
PER_SECOND = 4.0
WINDOW = 60.0
"""Seconds of load with poison among it: what others get done in them is compared with what was asked."""
CLEAN = 5.0
"""Seconds of load before, without."""
LEAST = 90
WITHIN = 180.0
"""Seconds that burying may take at the most: it is six starts of a process, which a busy machine makes long."""
DEATHS = 7
"""How often an event may end its handler: once among others, then its `POISON_ATTEMPTS`, and once more for chance."""
HANDLED = "SELECT 1 FROM inbox WHERE event_id = $1::uuid"


async def once(stage: Stage, go: Round) -> Done:
    """Plant poison under load, see it set aside, mend what it ended, and replay it."""
    channels = [CHANNELS[platform] for platform in stage.platforms]
    window = WINDOW / 2 if go.short else WINDOW
    clean = await _under_load(stage, channels, f"{go.mark}a", CLEAN)
    killer = _message()
    poison = [killer, replace(_message(), body=b'{"post": '), _unknown()]
    stage.planted |= {message.id for message in poison}
    for name in HEARERS.values():
        stage.differ(name, REHEARSAL="true", FAILPOINT=f"inbox.handle:kill@1~{killer.headers['ce-subject']}")
    await stage.restart(list(HEARERS.values()))
    before = {name: len(stage.stack.exits[name]) for name in HEARERS.values()}
    began = time.monotonic()
    await stage.bus.publish(poison)
    enough = asyncio.Event()
    loaded = asyncio.create_task(_under_load(stage, channels, f"{go.mark}b", window, enough))
    await stage.must(lambda: _all_dead(stage, poison), "all poison is among the dead letters", WITHIN)
    buried = time.monotonic() - began
    enough.set()
    poisoned = await loaded
    deaths = max(len(stage.stack.exits[name]) - number for name, number in before.items())
    await _mend(stage)
    await _replay(stage, killer)
    await stage.must(stage.settled, "every post has come to its end")
    wrong = await _innocents(stage, poison)
    await _sweep(stage)
    return Done(
        repeats=len(poison),
        measured=[
            Measured("in the dead letters", buried, WITHIN),
            Measured("throughput of others", poisoned, LEAST, "%", least=True),
            Measured("processes ended", deaths, DEATHS, "times"),
        ],
        wrong=wrong if clean >= LEAST else [*wrong, f"without poison, only {clean:.0f} % of the posts came through"],
    )


def _message() -> Message:
    """Return the cancel of a post that nobody asked for: harmless, unless somebody dies of it."""
    event = PostCancelled(post=uuid4(), requester=Requester(tool="chaos"))
    envelope = Envelope.of(event, "ingest")
    headers = {**headers_of(envelope), "ce-sequence": "1"}
    return Message(headers["ce-id"], event.routing_key, body_of(event), headers)


def _unknown() -> Message:
    message = _message()
    return replace(message, headers={**message.headers, "ce-type": "org.wikimedia.carillon.post.vanished.v1"})


async def _under_load(
    stage: Stage, channels: list[str], mark: str, seconds: float, enough: asyncio.Event | None = None
) -> float:
    """Ask steadily for a while, and until it is enough; return how many per cent are public a little after."""
    async with stage.load(channels, mark, PER_SECOND) as asked:
        await asyncio.sleep(seconds)
        if enough is not None:
            await enough.wait()
    await asyncio.sleep(max(2.0, seconds / 10))
    marks = {intent.marks[0] for intent in asked}
    return 100 * len({one.mark for one in await stage.shown() if one.mark in marks}) / len(marks)


async def _all_dead(stage: Stage, poison: list[Message]) -> bool:
    wanted = {message.id for message in poison}
    dead = await stage.dead()
    return all(wanted <= set(dead.get(posts_queue(service), ())) for service in HEARERS)


async def _mend(stage: Stage) -> None:
    """Start those whom the poison ended as always, as one would with the bug mended."""
    for name in HEARERS.values():
        stage.as_all(name)
    await stage.restart(list(HEARERS.values()))


async def _replay(stage: Stage, killer: Message) -> None:
    """Have the dead letter sent again, under the same id, to each that it ended."""
    for service in HEARERS:
        await stage.letters(service, "replay", killer.id)
    stage.planted.discard(killer.id)

    async def handled() -> bool:
        return all([await stage.rows(service, HANDLED, killer.id) for service in HEARERS])

    await stage.must(handled, "the replayed event is handled")


async def _innocents(stage: Stage, poison: list[Message]) -> list[str]:
    known = {message.id for message in poison}
    return [
        f"an innocent among the dead letters of {queue}: {letter}"
        for queue, letters in (await stage.dead()).items()
        for letter in letters
        if letter not in known
    ]


async def _sweep(stage: Stage) -> None:
    """Put away what was planted."""
    for service in HEARERS:
        for event in stage.planted:
            await stage.letters(service, "archive", event)


FAULT = Fault("5", "poison: no JSON, unknown type, an event that ends its handler", once, broken="immortal")
