"""The stage of a fault: every service as processes, the sandbox, a tool that asks, and eyes on all of it."""

import asyncio
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from secrets import token_hex
from signal import SIGCONT, SIGKILL
from typing import Any

import asyncpg
import httpx

from chaos.asking import Tool
from chaos.broken import OF_WORKERS, WAYS
from chaos.oracle import FINAL, Evidence, Intent, Shown, Try
from chaos.proxy import proxied
from chaos.scale import Scale
from chaos.servers import Servers
from deploy.local.databases import own_databases
from deploy.local.guarded import Guarded
from deploy.local.programs import PROGRAMS, ROOT, SAMPLES, WORKERS, Place, free_port
from deploy.local.queues import own_queues
from deploy.local.stack import AS_ALL, Difference, Stack
from shared import platforms
from shared.adapter.spec import Absence, Safe
from shared.bus.amqp import AmqpBus
from shared.bus.contract import DEAD
from shared.mailbox import SERVICES, topology

CONFIG = Path(__file__).with_name("config")
PATIENCE = 120.0
"""Seconds that a condition may take to come true on a busy machine."""
LONGEST = 480.0
"""Seconds besides, in production's time: a lease runs out, a look-up is repeated, a post is announced again."""
NOT_NEEDED = ("policy-api", "metrics-api")
"""Whom no fault asks anything."""
BROKEN = {
    "immortal": {"POISON_ATTEMPTS": "50"},
    "trusting": {"ASK_AGAIN_SECONDS": "86400"},
}
"""Settings with which a run is broken: poison never dies; what was lost is never asked for again."""
EARLY = (
    "CREATE SCHEMA early",
    """CREATE FUNCTION early.now() RETURNS timestamptz LANGUAGE sql STABLE
        AS $$ SELECT pg_catalog.now() + interval '10 seconds' $$""",
    'ALTER DATABASE "{}" SET search_path = early, public, pg_catalog',
)
MARK = "c"
"""What every mark begins with: the oracle finds a post in the ledger by the mark that its text begins with."""


@dataclass
class Stage:
    """One run of everything."""

    servers: Servers
    guarded: Guarded
    place: Place
    stack: Stack
    bus: AmqpBus
    http: httpx.AsyncClient
    token: str
    scale: Scale
    run: str
    platforms: tuple[str, ...]
    intents: list[Intent] = field(default_factory=list)
    """What was asked in this round."""
    before: list[Intent] = field(default_factory=list)
    """What was asked in earlier rounds: late doubles of it are found, too."""
    planted: set[str] = field(default_factory=set)
    broken: str | None = None

    def __post_init__(self) -> None:
        """Give it a tool that asks."""
        self.tool = Tool(self.http, self.stack.urls["ingest-api"], self.token)
        self._read: dict[str, int] = {}
        self._then: Counter[tuple[str, str]] = Counter()

    # --- asking -----------------------------------------------------------------------------------------------------

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

    # --- doing harm -------------------------------------------------------------------------------------------------

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

    async def make_early(self) -> None:
        """Have publisher's database take now for ten seconds later."""
        for statement in EARLY:
            await self.execute("publisher", statement.format(f"{self.place.namespace}_publisher"))
        await self.restart([name for name in self.stack.urls if name.startswith("publisher-")])

    async def fault(self, platform: str, kind: str, **more: Any) -> None:
        """Arm a fault of a platform."""
        await self.sandbox("POST", "/_faults", json={"platform": platform, "kind": kind, **more})

    async def faults_used(self) -> int:
        """Return how many calls the armed faults have spoilt."""
        faults = (await self.sandbox("GET", "/_faults"))["faults"]
        return sum(fault["used"] for fault in faults)

    # --- seeing -----------------------------------------------------------------------------------------------------

    def struck(self, name: str) -> Iterator[Mapping[str, Any]]:
        """Yield what a process's failpoints have said since the last look."""
        return (line for line in self.said(name) if line["event"] == "failpoint")

    def said(self, name: str) -> Iterator[Mapping[str, Any]]:
        """Yield what a process has logged since the last look."""
        log = self.guarded.folder / f"{name}.log"
        with log.open("rb") as lines:
            lines.seek(self._read.get(name, 0))
            for line in lines:
                if line.endswith(b"\n"):
                    self._read[name] = self._read.get(name, 0) + len(line)
                    if line.startswith(b"{"):
                        yield json.loads(line)

    async def sandbox(self, method: str, path: str, **more: Any) -> Any:
        """Call one of the sandbox's controls."""
        answer = (await self.http.request(method, f"{self.place.sandbox_url}{path}", **more)).raise_for_status()
        return answer.json() if answer.content else None

    async def shown(self) -> list[Shown]:
        """Return what the platforms show, and what they have shown."""
        found: list[Shown] = []
        for removed in ("false", "true"):
            since = 0
            while posts := (await self._page(since, removed)):
                since = posts[-1]["seq"]
                found += [
                    Shown(mark, post["platform"], post["called"] or post["time"])
                    for post in posts
                    if (mark := mark_of(post))
                ]
        return found

    async def _page(self, since: int, removed: str) -> list[dict[str, Any]]:
        params = {"since": since, "limit": 5_000, "removed": removed}
        posts: list[dict[str, Any]] = (await self.sandbox("GET", "/_ledger", params=params))["posts"]
        return posts

    async def requests(self, platform: str, since: int = 0) -> list[Mapping[str, Any]]:
        """Return the calls that a platform got."""
        params = {"platform": platform, "since": since}
        found: list[Mapping[str, Any]] = (await self.sandbox("GET", "/_ledger/requests", params=params))["requests"]
        return found

    async def deliveries(self, posts: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """Return what publisher's API says of these posts; those that it does not know are left out."""
        wanted, found, after = set(posts), dict[str, Mapping[str, Any]](), None
        while wanted:
            params = {"limit": 200} | ({"after": after} if after else {})
            page = await self.publisher("/v1/deliveries", params)
            found |= {one["post"]: one for one in page["deliveries"] if one["post"] in wanted}
            after = page["next"]
            if after is None:
                break
        return found

    async def publisher(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """Ask publisher's API, until it answers."""
        headers = {"Authorization": f"Bearer {self.token}"}
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    answer = await self.http.get(
                        f"{self.stack.urls['publisher-api']}{path}", params=params, headers=headers
                    )
                except httpx.TransportError:
                    await asyncio.sleep(0.2)
                    continue
                if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                    return answer.raise_for_status().json()
                await asyncio.sleep(0.2)

    async def rows(self, service: str, query: str, *values: object) -> list[Any]:
        """Look into a service's database."""
        database = f"{self.place.namespace}_{service}"
        connection = await asyncpg.connect(self.servers.postgres.database_url, database=database)
        try:
            return list(await connection.fetch(query, *values))
        finally:
            await connection.close()

    async def execute(self, service: str, statements: str) -> None:
        """Change a service's database."""
        database = f"{self.place.namespace}_{service}"
        connection = await asyncpg.connect(self.servers.postgres.database_url, database=database)
        try:
            await connection.execute(statements)
        finally:
            await connection.close()

    async def tries(self, posts: Sequence[str]) -> list[Try]:
        """Return publisher's tries of these posts."""
        query = (
            "SELECT post::text, extract(epoch FROM began_at)::float AS began, "
            "extract(epoch FROM ended_at)::float AS ended, outcome FROM try WHERE post = ANY($1::uuid[])"
        )
        rows = await self.rows("publisher", query, list(posts))
        return [Try(row["post"], row["began"], row["ended"], row["outcome"]) for row in rows]

    async def outboxes(self) -> dict[str, int]:
        """Return how many events wait to be sent, by service."""
        return {name: (await self.rows(name, "SELECT count(*) FROM outbox"))[0][0] for name in SERVICES}

    async def queues(self, suffix: str = "") -> dict[str, int]:
        """Return how many messages lie in the queues, or with DEAD as suffix: in the dead letters; empty ones not."""
        names = [queue.name + suffix for queue in topology(platforms.specs())]
        found = {name: await self.bus.depth(name) for name in names}
        return {name: number for name, number in found.items() if number}

    async def dead(self) -> dict[str, list[str]]:
        """Return the ids of all dead letters, which stay where they are."""
        found = {}
        for name, number in (await self.queues(DEAD)).items():
            letters: list[str] = []
            async with self.bus.subscribe(name, 200) as subscription, asyncio.timeout(30):
                while len(letters) < min(number, 200):
                    letters += [one.message.id for one in await subscription.take(200)]
            found[name.removesuffix(DEAD)] = letters
        return found

    # --- waiting ----------------------------------------------------------------------------------------------------

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
        return not any((await self.outboxes()).values()) and not await self.queues()

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

    # --- the sandbox ------------------------------------------------------------------------------------------------

    async def start_sandbox(self) -> None:
        """Start the sandbox, with an empty ledger and no quotas, and wait until it answers."""
        environment = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(ROOT)}
        port = self.place.sandbox_url.rpartition(":")[2]
        words = ["--port", port, "--quotas", "open", "--samples", str(SAMPLES), "--requests-kept", "200000"]
        self.guarded.start("sandbox", [sys.executable, "-m", "deploy.sandbox", *words], environment)

        async def answers() -> bool:
            try:
                return (await self.http.get(f"{self.place.sandbox_url}/livez")).is_success
            except httpx.TransportError:
                return False

        if not await until(answers):
            raise AssertionError(self.guarded.tail("sandbox"))


def mark_of(post: Mapping[str, Any]) -> str | None:
    """Return the mark that a post of the ledger bears; what bears none, a first comment say, is nobody's post."""
    for words in (post["text"], post.get("title")):
        mark = str(words or "").partition(":")[0]
        if mark.startswith(MARK) and mark.isalnum() and any(letter.isdigit() for letter in mark):
            return mark
    return None


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


def programs(on: Sequence[str], more: Sequence[str] = ()) -> dict[str, tuple[str, ...]]:
    """Return the processes for these platforms; `more` names some that run twice, as `publisher-x-2`."""
    chosen = {
        name: words
        for name, words in PROGRAMS.items()
        if name not in NOT_NEEDED and (name not in WORKERS or name.removeprefix("publisher-") in on)
    }
    return chosen | {name: PROGRAMS[name.rpartition("-")[0]] for name in more}


@asynccontextmanager
async def running_stage(
    servers: Servers,
    scale: Scale,
    on: Sequence[str],
    *,
    chance: Random,
    replicas: Sequence[str] = (),
    broken: str | None = None,
    more: Mapping[str, str] | None = None,
) -> AsyncIterator[Stage]:
    """Run everything on these servers: the services' processes, of the workers those for the platforms named."""
    run = f"c{token_hex(4)}"
    chosen = programs(on, replicas)
    async with AsyncExitStack() as stack:
        guarded = stack.enter_context(Guarded("chaos", Path(tempfile.gettempdir())))
        amqp = servers.nodes[0].amqp_url
        if servers.cluster:
            amqp = (await stack.enter_async_context(proxied([n.amqp_url for n in servers.nodes], chance))).url
        settings = {"LOG_LEVEL": "WARNING", **scale.environment, **(more or {})}
        settings |= BROKEN.get(broken or "", {})
        database = servers.postgres.database_url
        sandbox = f"http://127.0.0.1:{free_port()}"
        place = Place(guarded.folder, f"carillon_{run}", database, amqp, sandbox, config_dir=CONFIG, more=settings)
        token = place.prepare()
        make = await stack.enter_async_context(own_databases(database, run))
        bus = await stack.enter_async_context(own_queues(place))
        for service in SERVICES:
            await make(service)
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=30))
        running = Stack(guarded, place, chosen)
        stage = Stage(servers, guarded, place, running, bus, http, token, scale, run, tuple(on), broken=broken)
        for name in chosen:
            stage.as_all(name)
        await stage.start_sandbox()
        try:
            await running.start()
            if broken == "early":
                await stage.make_early()
            yield stage
        finally:
            await running.stop()
            for name in (*chosen, "sandbox"):
                _end(guarded, name)


def _end(guarded: Guarded, name: str) -> None:
    """End a process for good, also one that is stopped."""
    guarded.end(name, SIGKILL)
