"""Eyes on all of it: the sandbox's ledger, publisher's API and tries, databases, queues, what processes log."""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import httpx

from chaos.oracle import Shown, Try
from deploy.local.guarded import Guarded
from deploy.local.programs import Place
from deploy.local.stack import Stack
from shared import platforms
from shared.bus.amqp import AmqpBus
from shared.mailbox import SERVICES, topology

KEPT = "SELECT queue, event_id::text FROM dead_letter WHERE state = 'kept'"
KEPT_OF = "SELECT id FROM dead_letter WHERE state = 'kept' AND event_id = $1::uuid"
API_SECONDS = 120.0
"""How long publisher's API may be away."""
MARK = "c"
"""What every mark begins with: the oracle finds a post in the ledger by the mark that its text begins with."""


@dataclass
class Eyes:
    """What can be seen of a run."""

    guarded: Guarded
    place: Place
    stack: Stack
    bus: AmqpBus
    http: httpx.AsyncClient
    token: str
    server_url: str
    """The PostgreSQL server, past whatever a fault puts before it."""
    _read: dict[str, int] = field(default_factory=dict, init=False)

    async def fault(self, platform: str, kind: str, **more: Any) -> None:
        """Arm a fault of a platform."""
        await self.sandbox("POST", "/_faults", json={"platform": platform, "kind": kind, **more})

    async def faults_used(self) -> int:
        """Return how many calls the armed faults have spoilt."""
        faults = (await self.sandbox("GET", "/_faults"))["faults"]
        return sum(fault["used"] for fault in faults)

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
        async with asyncio.timeout(API_SECONDS):
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
        connection = await asyncpg.connect(self.server_url, database=database)
        try:
            return list(await connection.fetch(query, *values))
        finally:
            await connection.close()

    async def execute(self, service: str, statements: str) -> None:
        """Change a service's database."""
        database = f"{self.place.namespace}_{service}"
        connection = await asyncpg.connect(self.server_url, database=database)
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
        """Return the ids of all dead letters that are kept, by queue."""
        found: dict[str, list[str]] = {}
        for service in SERVICES:
            for row in await self.rows(service, KEPT):
                found.setdefault(row["queue"], []).append(row["event_id"] or "without an id")
        return found

    async def letters(self, service: str, action: str, event: str) -> None:
        """Replay or archive what a service kept of an event; raises httpx.HTTPStatusError."""
        headers = {"Authorization": f"Bearer {self.token}"}
        url = f"{self.stack.urls[f'{service}-api']}/v1/dead-letters"
        for row in await self.rows(service, KEPT_OF, event):
            (await self.http.post(f"{url}/{row['id']}/{action}", headers=headers)).raise_for_status()


def mark_of(post: Mapping[str, Any]) -> str | None:
    """Return the mark that a post of the ledger bears; what bears none, a first comment say, is nobody's post."""
    for words in (post["text"], post.get("title")):
        mark = str(words or "").partition(":")[0]
        if mark.startswith(MARK) and mark.isalnum() and any(letter.isdigit() for letter in mark):
            return mark
    return None
