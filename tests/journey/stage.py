"""Everything that a journey needs: every service as a process, the sandbox, a tool that asks, and eyes on all of it."""

import asyncio
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from secrets import token_hex
from signal import SIGKILL
from typing import Any
from uuid import uuid4

import asyncpg
import httpx

from deploy.local.databases import own_databases
from deploy.local.guarded import Guarded
from deploy.local.programs import ROOT, SAMPLES, TWO, Place, free_port
from deploy.local.queues import own_queues
from deploy.local.stack import Stack, running_stack
from shared import platforms
from shared.bus.amqp import AmqpBus
from shared.bus.contract import DEAD
from shared.mailbox import topology

SERVICES = ("ingest", "policy", "publisher", "metrics")
QUICK = {
    "HTTP_SECONDS": "3",
    "TRUST_SECONDS": "4",
    "LEASE_SECONDS": "6",
    "REWAKE_SECONDS": "3",
    "ASK_AGAIN_SECONDS": "5",
    "PREPARE_LEASE_SECONDS": "10",
    "LOOKUP_LEASE_SECONDS": "5",
    "LOG_LEVEL": "WARNING",
}
"""What takes a minute and more in production, scaled down together."""
PATIENCE = 90.0
"""Seconds that a condition may take to come true on a busy machine."""


@dataclass
class Stage:
    """One run of everything."""

    guarded: Guarded
    place: Place
    stack: Stack
    bus: AmqpBus
    http: httpx.AsyncClient
    token: str
    asked: dict[str, tuple[str, Mapping[str, Any]]] = field(default_factory=dict)
    """Post → its channel and the body it was asked for with."""

    async def post(self, body: Mapping[str, Any], key: str | None = None, **headers: str) -> httpx.Response:
        """Send one request, once."""
        sent = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": key or str(uuid4()), **headers}
        return await self.http.post(f"{self.stack.urls['ingest-api']}/v1/requests", json=body, headers=sent)

    async def ask(self, body: Mapping[str, Any], key: str | None = None) -> list[str]:
        """Ask as a good tool does: again with the same key until there is an answer; return the posts' ids."""
        key = key or str(uuid4())
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    answer = await self.post(body, key)
                except httpx.TransportError:
                    await asyncio.sleep(0.1)
                    continue
                if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                    break
                await asyncio.sleep(0.1)
        assert answer.status_code == httpx.codes.ACCEPTED, answer.text
        posts = answer.json()["posts"]
        self.asked |= {post["id"]: (post["channel"], body) for post in posts}
        return [post["id"] for post in posts]

    async def get(self, path: str) -> httpx.Response:
        """Read something from ingest."""
        url = f"{self.stack.urls['ingest-api']}{path}"
        return await self.http.get(url, headers={"Authorization": f"Bearer {self.token}"})

    async def state(self, post: str) -> str:
        """Return where ingest says that a post is."""
        return str((await self.get(f"/v1/posts/{post}")).raise_for_status().json()["state"])

    async def sandbox(self, method: str, path: str, **more: Any) -> Any:
        """Call one of the sandbox's controls."""
        answer = (await self.http.request(method, f"{self.place.sandbox_url}{path}", **more)).raise_for_status()
        return answer.json() if answer.content else None

    async def fault(self, platform: str, kind: str, **more: Any) -> None:
        """Arm a fault of a platform."""
        await self.sandbox("POST", "/_faults", json={"platform": platform, "kind": kind, **more})

    async def ledger(self) -> list[Mapping[str, Any]]:
        """Return what the platforms show."""
        found: list[Mapping[str, Any]] = (await self.sandbox("GET", "/_ledger"))["posts"]
        return found

    async def rows(self, service: str, query: str, *values: object) -> list[Any]:
        """Look into a service's database."""
        connection = await asyncpg.connect(self.place.database_url, database=f"{self.place.namespace}_{service}")
        try:
            return list(await connection.fetch(query, *values))
        finally:
            await connection.close()

    async def outboxes(self) -> dict[str, int]:
        """Return how many events wait to be sent, by service; those that have none are left out."""
        found = {name: (await self.rows(name, "SELECT count(*) FROM outbox"))[0][0] for name in SERVICES}
        return {name: number for name, number in found.items() if number}

    async def queues(self) -> dict[str, int]:
        """Return how many messages lie in the queues, those of dead letters too; empty ones not."""
        names = [queue.name + kind for queue in topology(platforms.specs()) for kind in ("", DEAD)]
        found = {name: await self.bus.depth(name) for name in names}
        return {name: number for name, number in found.items() if number}

    async def dead_letters(self) -> list[str]:
        """Return why messages died, also those that were sent again."""
        query = "SELECT cause, queue, type, reason FROM dead_letter ORDER BY id"
        return [": ".join(map(str, row)) for name in SERVICES for row in await self.rows(name, query)]

    async def deliveries(self) -> Counter[str]:
        """Return how many of the posts that were asked for publisher has in each state."""
        query = "SELECT state, count(*) FROM delivery WHERE post = ANY($1::uuid[]) GROUP BY state"
        rows = await self.rows("publisher", query, list(self.asked))
        return Counter(dict(rows))

    async def settled(self) -> bool:
        """Say whether all that was asked is published, and nothing is on its way any more."""
        done = (await self.deliveries())["published"] == len(self.asked)
        return done and not await self.outboxes() and not await self.queues()

    async def forget(self) -> None:
        """Begin anew, with nothing asked and an empty ledger."""
        self.asked.clear()
        await self.sandbox("DELETE", "/_ledger")
        await self.sandbox("DELETE", "/_faults")

    async def arrived(self, seconds: float = PATIENCE) -> None:
        """Wait until all is published and every event has been heard; if not, say what is where."""
        if not await until(self.settled, seconds):
            raise AssertionError(f"not all is published after {seconds:.0f} s:\n{await self.where()}")

    async def where(self) -> str:
        """Return what is where, for whoever reads a failure."""
        open_ones = await self.rows(
            "publisher",
            "SELECT post, state, channel, verdict, tries, fence, due_at - now() AS due, reason FROM delivery "
            "WHERE state <> 'published' ORDER BY due_at LIMIT 10",
        )
        tries = await self.rows("publisher", "SELECT outcome, count(*) FROM try GROUP BY outcome")
        known = {str(row[0]) for row in await self.rows("publisher", "SELECT post FROM delivery")}
        lines = [
            f"asked: {len(self.asked)}, deliveries: {dict(await self.deliveries())}, tries: {dict(tries)}",
            f"not known to publisher: {[post for post in self.asked if post not in known][:10]}",
            f"outboxes: {await self.outboxes()}, queues: {await self.queues()}",
            f"dead letters: {await self.dead_letters()}",
            f"restarts: {self.stack.restarts}",
            *(str(dict(row)) for row in open_ones),
        ]
        tails = [f"--- {name}\n{self.guarded.tail(name)}" for name in self.stack.urls]
        return "\n".join(lines + tails)

    async def start_sandbox(self) -> None:
        """Start the sandbox, with an empty ledger, and wait until it answers."""
        environment = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(ROOT)}
        port = self.place.sandbox_url.rpartition(":")[2]
        command = [sys.executable, "-m", "deploy.sandbox", "--port", port, "--quotas", "open"]
        self.guarded.start("sandbox", [*command, "--samples", str(SAMPLES)], environment)
        assert await until(self._sandbox_answers), self.guarded.tail("sandbox")

    def kill_sandbox(self) -> None:
        """End the sandbox: connections to it are refused, and its ledger is gone."""
        self.guarded.end("sandbox", SIGKILL)

    async def _sandbox_answers(self) -> bool:
        try:
            return (await self.http.get(f"{self.place.sandbox_url}/livez")).is_success
        except httpx.TransportError:
            return False


async def until(condition: Callable[[], Awaitable[object]], seconds: float = PATIENCE, every: float = 0.1) -> bool:
    """Wait until something is true; return whether it was in time."""
    end = time.monotonic() + seconds
    while not await condition():
        if time.monotonic() > end:
            return False
        await asyncio.sleep(every)
    return True


@asynccontextmanager
async def running_stage(
    database_url: str, amqp_url: str, programs: Mapping[str, tuple[str, ...]] = TWO
) -> AsyncIterator[Stage]:
    """Run everything on these servers."""
    run = f"j{token_hex(4)}"
    with Guarded("journey", Path(tempfile.gettempdir())) as guarded:
        sandbox = f"http://127.0.0.1:{free_port()}"
        place = Place(guarded.folder, f"carillon_{run}", database_url, amqp_url, sandbox, more=QUICK)
        token = place.prepare()
        async with own_databases(database_url, run) as database, own_queues(place) as bus:
            for service in SERVICES:
                await database(service)
            async with running_stack(guarded, place, programs) as stack, httpx.AsyncClient(timeout=20) as http:
                stage = Stage(guarded, place, stack, bus, http, token)
                await stage.start_sandbox()
                yield stage
            # Told to stop, they would look for the databases that go next; how they stop is another test's matter.
            for name in programs:
                guarded.end(name, SIGKILL)


def shown_wrong(stage: Stage, ledger: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return where the ledger shows a text not exactly once, a thread out of order, or what nobody asked for."""
    wanted = {(channel.partition("/")[2], text) for channel, body in stage.asked.values() for text in parts_of(body)}
    shown = Counter((str(post["platform"]), text_of(post, wanted)) for post in ledger)
    wrong = [f"{shown[one]} times instead of once: {one}" for one in wanted if shown[one] != 1]
    wrong += [f"nobody asked for this: {one}" for one in shown if one not in wanted]
    by_text = {(str(post["platform"]), text_of(post, wanted)): post for post in ledger}
    for channel, asked in stage.asked.values():
        parts = [by_text.get((channel.partition("/")[2], text)) for text in parts_of(asked)]
        for first, second in pairwise(parts):
            if first and second and not (second["reply_to"] == first["id"] and second["seq"] > first["seq"]):
                wrong.append(f"out of order on {channel}: {second['text']}")
    return wrong


def text_of(post: Mapping[str, Any], wanted: set[tuple[str, str]]) -> str:
    """Return which of the texts a post shows: a credit may follow it."""
    text = str(post["text"])
    return next((one for _, one in wanted if text == one or text.startswith(one + "\n")), text)


async def left_over(stage: Stage) -> list[str]:
    """Return what lies where nothing may lie at the end."""
    wrong = [f"not sent by {service}: {number} events" for service, number in (await stage.outboxes()).items()]
    wrong += [f"in {queue}: {number} messages" for queue, number in (await stage.queues()).items() if DEAD in queue]
    wrong += [f"died: {letter}" for letter in await stage.dead_letters()]
    states = await stage.deliveries()
    return wrong + [f"{number} deliveries are {state}" for state, number in states.items() if state != "published"]


async def told_wrong(stage: Stage) -> list[str]:
    """Return which posts ingest does not call published."""
    states = {post: await stage.state(post) for post in stage.asked}
    return [f"{post} is {state} to ingest" for post, state in states.items() if state != "published"]


async def each_once(stage: Stage, seconds: float = PATIENCE) -> None:
    """Wait until all that was asked is public, once, in order, and nothing is left anywhere; else say what is where."""
    await stage.arrived(seconds)

    async def quiet() -> bool:
        return not await told_wrong(stage) and not await left_over(stage)

    # A history is written a moment later, and who was asked again may have said so again: nobody waits for that.
    await until(quiet)
    wrong = [*shown_wrong(stage, await stage.ledger()), *await left_over(stage), *await told_wrong(stage)]
    assert not wrong, "\n".join([*wrong, await stage.where()])


def asking(*texts: str, channels: Sequence[str] = ("wikipedia/bluesky",), **more: Any) -> dict[str, Any]:
    """Return a request: a text, or a thread of several."""
    content = {"text": texts[0]} if len(texts) == 1 else {"thread": [{"text": text} for text in texts]}
    return {"content": content, "channels": [{"channel": channel} for channel in channels], **more}


def parts_of(body: Mapping[str, Any]) -> Sequence[str]:
    """Return the texts that a request asks for, in order."""
    content = body["content"]
    return [part["text"] for part in content["thread"]] if "thread" in content else [content["text"]]
