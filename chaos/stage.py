"""The stage of a fault: who asks, who does harm, and what is waited for; `eyes` see what comes of it."""

import asyncio
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from signal import SIGCONT

from chaos.asking import Tool
from chaos.broken import OF_WORKERS, WAYS
from chaos.eyes import Eyes
from chaos.oracle import FINAL, Evidence, Intent
from chaos.scale import Scale
from chaos.servers import Servers
from deploy.local.stack import AS_ALL, Difference
from shared import platforms
from shared.adapter.spec import Absence, Safe
from shared.bus.contract import DEAD

PATIENCE = 300.0
"""Seconds that a condition may take to come true on a busy machine: Threads' containers are looked at once a minute."""
LONGEST = 480.0
"""Seconds besides, in production's time: a lease runs out, a look-up is repeated, a post is announced again."""


@dataclass
class Stage(Eyes):
    """One run of everything."""

    servers: Servers
    scale: Scale
    platforms: tuple[str, ...]
    broken: str | None = None
    intents: list[Intent] = field(default_factory=list)
    """What was asked in this round."""
    before: list[Intent] = field(default_factory=list)
    """What was asked in earlier rounds: late doubles of it are found, too."""
    planted: set[str] = field(default_factory=set)
    """Ids of messages that belong in the dead letters."""
    _then: Counter[tuple[str, str]] = field(default_factory=Counter, init=False)

    def __post_init__(self) -> None:
        """Give it a tool that asks."""
        self.tool = Tool(self.http, self.stack.urls["ingest-api"], self.token)

    async def ask(self, channel: str, mark: str, *, after: float | None = None, parts: int = 1) -> Intent:
        """Ask for a post as a good tool does, until there is an answer; `after`: seconds from now until its time."""
        intent = await self.tool.ask(channel, mark, after=after, parts=parts)
        self.intents.append(intent)
        return intent

    async def ask_many(self, channels: Sequence[str], mark: str, number: int, together: int = 4) -> list[Intent]:
        """Ask for so many posts, on the channels in turn, a few at once."""
        gate = asyncio.Semaphore(together)

        async def one(n: int) -> Intent:
            async with gate:
                return await self.ask(channels[n % len(channels)], f"{mark}n{n}")

        return list(await asyncio.gather(*(one(n) for n in range(number))))

    @asynccontextmanager
    async def load(self, channels: Sequence[str], mark: str, per_second: float) -> AsyncIterator[list[Intent]]:
        """Ask steadily for as long as the block lasts; gives what was asked so far."""
        enough, asked = asyncio.Event(), list[Intent]()

        async def one(n: int) -> None:
            asked.append(await self.ask(channels[n % len(channels)], f"{mark}n{n}"))

        async def go_on() -> None:
            async with asyncio.TaskGroup() as calls:
                began, n = time.monotonic(), 0
                while not enough.is_set():
                    calls.create_task(one(n))
                    n += 1
                    await asyncio.sleep(max(0.0, began + n / per_second - time.monotonic()))

        asking = asyncio.create_task(go_on())
        try:
            yield asked
        finally:
            enough.set()
            await asking

    def differ(self, name: str, **environment: str) -> None:
        """Start a process with these settings besides, from its next start on."""
        self.stack.differs[name] = Difference(tuple(environment.items()), self.through(name))

    def as_all(self, name: str) -> None:
        """Start a process like the others again, from its next start on."""
        self.stack.differs[name] = Difference(through=self.through(name)) if self.through(name) else AS_ALL

    def through(self, name: str) -> tuple[str, ...]:
        """Return what starts a process in a deliberately broken way, if this run wants that."""
        if (
            self.broken is None
            or self.broken not in WAYS
            or (self.broken in OF_WORKERS and not name.startswith("publisher-"))
        ):
            return ()
        return "chaos.broken", self.broken

    async def armed(self, points: Mapping[str, str]) -> None:
        """Start processes again, each with a failpoint; the start after that is as always."""
        for name, point in points.items():
            self.differ(name, REHEARSAL="true", FAILPOINT=point)
        await self.restart(points)
        for name in points:
            self.as_all(name)

    async def restart(self, names: Sequence[str] | Mapping[str, object]) -> None:
        """Kill processes and wait until they are there again."""
        before = {name: self.stack.pids[name] for name in names}
        for name in names:
            await asyncio.to_thread(self.stack.kill, name)

        async def again() -> bool:
            return all(self.stack.pids[name] != pid for name, pid in before.items())

        await self.must(again, "processes start again")
        await self.stack.ready(names)

    def thaw(self, name: str) -> None:
        """Let it go on."""
        os.kill(self.stack.pids[name], SIGCONT)

    async def must(self, condition: Callable[[], Awaitable[object]], what: str, seconds: float | None = None) -> None:
        """Wait until something is true; raises AssertionError, which says what is where, when it does not come."""
        seconds = seconds or PATIENCE + self.scale.seconds(LONGEST)
        if not await until(condition, seconds):
            raise AssertionError(f"not within {seconds:.0f} s: {what}\n{await self.where()}")

    async def settled(self) -> bool:
        """Say whether every post of this round has come to its end, and nothing is on its way any more."""
        query = "SELECT count(*) FROM delivery WHERE post = ANY($1::uuid[]) AND state = ANY($2::text[])"
        posts = [intent.post for intent in self.intents]
        if (await self.rows("publisher", query, posts, list(FINAL)))[0][0] < len(posts):
            return False
        under_way = any((await self.outboxes()).values()) or await self.queues() or await self.queues(DEAD)
        return not under_way

    async def evidence(self) -> Evidence:
        """Return all that the oracle looks at, of this round."""
        posts = [intent.post for intent in self.intents]
        known = await self.deliveries(posts)
        everything = await self.shown()
        self._then = Counter((one.platform, one.mark) for one in everything)
        earlier = {mark for intent in self.before for mark in intent.marks}
        return Evidence(
            intents=list(self.intents),
            shown=[one for one in everything if one.mark not in earlier],
            tries=await self.tries(posts),
            states={post: one["state"] for post, one in known.items()},
            outboxes=await self.outboxes(),
            dead=await self.dead(),
            planted=frozenset(self.planted),
            askable=askable(),
        )

    async def late_doubles(self) -> list[str]:
        """Return what became public once more after its round was over."""
        known = {(intent.platform, mark) for intent in self.before for mark in intent.marks}
        times = Counter((one.platform, one.mark) for one in await self.shown())
        late = [key for key in known if times[key] > max(1, self._then[key])]
        return [f"{mark} on {platform}: {times[platform, mark]} times" for platform, mark in late]

    async def next_round(self) -> None:
        """Begin anew, with nothing asked and no fault armed; the ledger stays."""
        self.before += self.intents
        self.intents.clear()
        await self.sandbox("DELETE", "/_faults")

    async def where(self) -> str:
        """Return what is where, for whoever reads a failure."""
        known = await self.deliveries([intent.post for intent in self.intents])
        states = Counter(str(one["state"]) for one in known.values())
        open_ones = [one for one in known.values() if one["state"] not in FINAL][:5]
        shown = ("post", "state", "channel", "due_at", "verdict", "reason")
        lines = [
            f"asked: {len(self.intents)}, deliveries: {dict(states)}",
            f"outboxes: {await self.outboxes()}, queues: {await self.queues()}, dead: {await self.queues(DEAD)}",
            f"exits: { {name: codes for name, codes in self.stack.exits.items() if codes} }",
            *(str({name: one[name] for name in shown}) for one in open_ones),
        ]
        return "\n".join(lines + [f"--- {name}\n{self.guarded.tail(name)[-1500:]}" for name in self.stack.urls])


def askable() -> frozenset[str]:
    """Return the platforms where nobody but a person can always find out what became of a call."""
    return frozenset(
        name
        for name, spec in platforms.specs().items()
        if not isinstance(spec.repeat, Safe) and spec.absence is not Absence.PROVES
    )


async def until(condition: Callable[[], Awaitable[object]], seconds: float = PATIENCE, every: float = 0.1) -> bool:
    """Wait until something is true; return whether it was in time."""
    end = time.monotonic() + seconds
    while not await condition():
        if time.monotonic() > end:
            return False
        await asyncio.sleep(every)
    return True
