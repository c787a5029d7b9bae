"""The whole of Carillon as it runs on one machine: every process, RabbitMQ, PostgreSQL, the sandbox, and callers.

A post is sent as a request of its own, to three channels in turn, with a link card. Its text has its number, by which
it is found in the sandbox's ledger: what is not there, or there twice, is seen.
"""

import asyncio
import json
import os
import random
import re
import secrets
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx

from bench.caller import Caller
from deploy.local.databases import own_databases
from deploy.local.guarded import Guarded
from deploy.local.programs import ROOT, TWO, Place, free_port
from deploy.local.stack import Stack, running_stack
from shared import platforms
from shared.bus.amqp import AmqpBus
from shared.mailbox import SERVICES, topology

CHANNELS = ("wikipedia/bluesky", "foundation/mastodon", "foundation/bluesky")
TEXT = (
    "Bench {number}: three hearts, eight arms and blue blood. The octopus keeps surprising us, and volunteers around "
    "the world keep writing down how. 🐙 #octopus"
)
LINK = {
    "url": "https://en.wikipedia.org/wiki/Octopus",
    "title": "Octopus",
    "description": "From Wikipedia, the free encyclopedia",
}
NUMBER = re.compile(r"^Bench (\d+):")
DRAIN_SECONDS = 60.0
"""How long posts may take to appear after the last one was sent."""
PAGE = 5_000
AGAIN_SECONDS = 5.0
"""What a 503 asks for in its Retry-After."""


class RefusedError(Exception):
    """A post was not accepted."""


@dataclass
class Sending:
    """What was sent in one go, by number: when its 202 came, and when its platform was called (epoch seconds)."""

    rate: float
    seconds: float = 0.0
    accepted: dict[int, float] = field(default_factory=dict)
    appeared: dict[int, float] = field(default_factory=dict)
    times: Counter[int] = field(default_factory=Counter)
    answered_ms: list[float] = field(default_factory=list)
    """Milliseconds from sending a request to its 202."""
    refused: int = 0
    """How often the answer was 503 and the call was made again."""

    @property
    def lateness_ms(self) -> list[float]:
        """Milliseconds from the 202 to the platform, of every post that is there."""
        return [(self.appeared[n] - at) * 1e3 for n, at in self.accepted.items() if n in self.appeared]

    @property
    def wrong(self) -> list[str]:
        """What the ledger says that it should not."""
        missing = [f"{n} is missing" for n in self.accepted if not self.times[n]]
        return missing + [f"{n} is there {times} times" for n, times in self.times.items() if times > 1]


class Pipeline:
    """Everything, running."""

    def __init__(self, stack: Stack, caller: Caller, sandbox: httpx.AsyncClient, token: str) -> None:
        self.stack = stack
        self.token = token
        self._caller = caller
        self._sandbox = sandbox
        self._next = 0
        self._seen = 0

    async def send(self, rate: float, seconds: float) -> Sending:
        """Send posts at random moments (Poisson), so many a second, without waiting for one before the next."""
        sending, calls = Sending(rate), set()
        began = at = time.perf_counter()
        while (at := at + random.expovariate(rate)) < began + seconds:
            await asyncio.sleep(max(0.0, at - time.perf_counter()))
            self._next += 1
            calls.add(asyncio.create_task(self._post(self._next, sending)))
        await asyncio.gather(*calls)
        sending.seconds = time.perf_counter() - began
        return sending

    async def arrived(self) -> int:
        """Return how many posts the platforms have by now."""
        counts: Mapping[str, Mapping[str, int]] = (await self._sandbox.get("/_ledger/counts")).json()
        return sum(number for accounts in counts.values() for number in accounts.values())

    async def called(self, since: int = 0) -> list[dict[str, Any]]:
        """Return the requests that the platforms got, those after a `seq`, oldest first."""
        answer = await self._sandbox.get("/_ledger/requests", params={"since": since})
        requests: list[dict[str, Any]] = answer.raise_for_status().json()["requests"]
        return requests

    async def settle(self, sending: Sending) -> None:
        """Wait until all that was ever sent is in the ledger, or for long enough, and read off when it came."""
        deadline = time.monotonic() + DRAIN_SECONDS
        while await self.arrived() < self._next and time.monotonic() < deadline:  # noqa: ASYNC110 - another process's
            await asyncio.sleep(0.1)
        while page := await self._page():
            for post in page:
                if (found := NUMBER.match(post["text"])) and int(found[1]) in sending.accepted:
                    sending.times[int(found[1])] += 1
                    sending.appeared.setdefault(int(found[1]), float(post["called"]))

    async def _page(self) -> list[dict[str, str]]:
        answer = await self._sandbox.get("/_ledger", params={"since": self._seen, "limit": PAGE})
        posts: list[dict[str, str]] = answer.raise_for_status().json()["posts"]
        self._seen = int(posts[-1]["seq"]) if posts else self._seen
        return posts

    async def _post(self, number: int, sending: Sending) -> None:
        body = {
            "content": {"text": TEXT.format(number=number), "link": LINK},
            "channels": [{"channel": CHANNELS[number % len(CHANNELS)]}],
            "about": {"tier": "bite", "campaign": "bench"},
        }
        encoded, key = json.dumps(body).encode(), {"Idempotency-Key": str(uuid.uuid4())}
        began = time.perf_counter()
        while (status := await self._caller.post("/v1/requests", encoded, key)) == HTTPStatus.SERVICE_UNAVAILABLE:
            sending.refused += 1
            await asyncio.sleep(AGAIN_SECONDS)
        if status != HTTPStatus.ACCEPTED:
            raise RefusedError(f"the answer was {status}, not 202")
        sending.accepted[number] = time.time()
        sending.answered_ms.append((time.perf_counter() - began) * 1e3)


@asynccontextmanager
async def pipeline(amqp_url: str, database_url: str) -> AsyncIterator[Pipeline]:
    """Run everything on these servers, under names of its own that are gone at the end; the sandbox has no quotas."""
    run = f"bench{secrets.token_hex(4)}"
    with Guarded("bench", Path(tempfile.gettempdir())) as guarded:
        sandbox_url = _start_sandbox(guarded)
        place = Place(guarded.folder, f"carillon_{run}", database_url, amqp_url, sandbox_url)
        token = place.prepare()
        async with (
            own_databases(database_url, run) as database,
            own_queues(amqp_url, place.namespace),
            httpx.AsyncClient(base_url=sandbox_url, timeout=30) as sandbox,
        ):
            for service in SERVICES:
                await database(service)
            async with running_stack(guarded, place, TWO) as stack:
                caller = Caller(stack.urls["ingest-api"], {"Authorization": f"Bearer {token}"})
                yield Pipeline(stack, caller, sandbox, token)
                caller.close()


def _start_sandbox(guarded: Guarded) -> str:
    port = free_port()
    environment = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(ROOT), "SANDBOX_QUOTAS": "open"}
    guarded.start("sandbox", [sys.executable, "-m", "deploy.sandbox", "--port", str(port)], environment, cwd=ROOT)
    return f"http://127.0.0.1:{port}"


@asynccontextmanager
async def own_queues(amqp_url: str, namespace: str) -> AsyncIterator[None]:
    """Remove the queues of a run at its end."""
    try:
        yield
    finally:
        bus = AmqpBus(amqp_url, namespace)
        await bus.declare(topology(platforms.specs()))
        await bus.drop()
        await bus.close()
