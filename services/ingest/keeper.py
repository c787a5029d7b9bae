"""Requests are kept in one statement; those that come while it runs are kept together in the next (group commit)."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from services.ingest.kept import EventRow, Kept, KeptEvent, PostRow, PreparationRow, RequestRow
from shared.database import is_trouble, lent
from shared.mailbox.outbox import HANDED_SECONDS, Stored, message_of

log = structlog.get_logger()

# Everything hangs on `gate`: it lets through only requests whose key is new, and waits for whoever uses the same key at
# that moment. Keys are taken in their order, so that two processes wait for each other and do not lock each other out.
# The location is as unique as the request, so of two calls with one key in the same group only one gets through.
ACCEPT = """
WITH given AS (
    SELECT * FROM unnest($3::text[], $4::text[], $5::bytea[], $6::text[], $7::bytea[], $8::uuid[], $9::text[],
        $10::uuid[], $11::text[], $12::timestamptz[]) AS t (tool, key, body_hash, location, answer, person, name,
        request, trust, accepted_at)
), gate AS (
    INSERT INTO idempotency (tool, key, body_hash, status, location, answer)
    SELECT tool, key, body_hash, 202, location, answer FROM given ORDER BY tool, key ON CONFLICT DO NOTHING
    RETURNING location
), new AS (
    SELECT given.* FROM given JOIN gate USING (location)
), people AS (
    INSERT INTO person (id, name, expires_at)
    SELECT person, name, now() + make_interval(days => $1) FROM new WHERE name IS NOT NULL
), requests AS (
    INSERT INTO request (id, tool, trust, person, created_at)
    SELECT request, tool, trust, person, accepted_at FROM new
), posts AS (
    INSERT INTO post (id, request_id, ordinal, channel, platform, language, content, about, payload, payload_hash,
        publish_at, zone, not_after, after, ask_at)
    SELECT p.id, p.request, p.ordinal, p.channel, p.platform, p.language, p.content, p.about, p.payload, p.hash,
        p.publish_at, p.zone, p.not_after, p.after,
        CASE WHEN p.hash IS NOT NULL THEN now() + make_interval(secs => $2) END
    FROM unnest($13::uuid[], $14::uuid[], $15::int[], $16::text[], $17::text[], $18::text[], $19::jsonb[], $20::jsonb[],
        $21::jsonb[], $22::text[], $23::timestamptz[], $24::text[], $25::timestamptz[], $26::uuid[]) AS p (request, id,
        ordinal, channel, platform, language, content, about, payload, hash, publish_at, zone, not_after, after)
    WHERE p.request IN (SELECT request FROM new)
), preparations AS (
    INSERT INTO preparation (post_id, revision, give_up_at, traceparent)
    SELECT p.post, 1, p.give_up_at, p.traceparent
    FROM unnest($27::uuid[], $28::uuid[], $29::timestamptz[], $30::text[]) AS p (request, post, give_up_at, traceparent)
    WHERE p.request IN (SELECT request FROM new)
), events AS (
    INSERT INTO outbox (routing_key, headers, body, retry_at)
    SELECT e.key, e.headers, e.body, now() + make_interval(secs => $35)
    FROM unnest($31::uuid[], $32::text[], $33::jsonb[], $34::bytea[])
        WITH ORDINALITY AS e (request, key, headers, body, number)
    WHERE e.request IN (SELECT request FROM new) ORDER BY e.number
    RETURNING id, headers ->> 'ce-id' AS event
)
SELECT location, NULL::bigint AS id, NULL AS event FROM gate UNION ALL SELECT NULL, id, event FROM events
"""
MOST = 50
"""Requests in one statement."""
COMPANY = 8
"""Requests that wait for no others."""
PACE = 0.025
"""Seconds between two groups at the least, unless a group is large.

Who calls alone does not wait. When many call, each waits half of this on average, and its posts go all their way in
company: every service down the line then spends one transaction where it would have spent some.
"""


class _Waiting(NamedTuple):
    what: Kept
    done: asyncio.Future[bool]


class Keeper:
    """Keeps what it is given: at once when nothing was kept just now, else together with what comes meanwhile."""

    def __init__(
        self,
        engine: AsyncEngine,
        hand_over: Callable[[Sequence[Stored]], None],
        person_days: int,
        ask_again_seconds: float,
    ) -> None:
        self._engine = engine
        self._hand_over = hand_over
        self._settings = (person_days, ask_again_seconds)
        self._waiting: list[_Waiting] = []
        self._task: asyncio.Task[None] | None = None
        self._not_before = 0.0
        self._company = asyncio.Event()

    async def keep(self, what: Kept) -> bool:
        """Keep all of it and return True; False when the key was there before. Raises what the database says."""
        waiting = _Waiting(what, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if len(self._waiting) >= COMPANY:
            self._company.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())
        return await waiting.done

    async def _work(self) -> None:
        """Keep what waits, group by group, until nothing does."""
        while self._waiting:
            await self._wait_for_company()
            self._not_before = time.monotonic() + PACE
            group, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            try:
                await self._commit(group)
            except Exception as error:
                if len(group) == 1 or is_trouble(error):
                    _fail(group, error)
                    continue
                log.exception("a group failed; its requests are kept one by one", size=len(group))
                await self._one_by_one(group)

    async def _wait_for_company(self) -> None:
        rest = self._not_before - time.monotonic()
        if rest > 0 and len(self._waiting) < COMPANY:
            self._company.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(rest):
                    await self._company.wait()

    async def _one_by_one(self, group: Sequence[_Waiting]) -> None:
        for waiting in group:
            try:
                await self._commit([waiting])
            except Exception as error:  # noqa: BLE001 - whatever it is, it is told to who waits for this one
                _fail([waiting], error)

    async def _commit(self, group: Sequence[_Waiting]) -> None:
        whats = [waiting.what for waiting in group]
        rows = await self._execute(_columns(whats))
        new = {location for location, _, _ in rows if location}
        ids = {event: number for _, number, event in rows if event}
        self._hand_over(list(_stored([event for what in whats for event in what.events], ids)))
        for waiting in group:
            if not waiting.done.done():
                waiting.done.set_result(waiting.what.request.location in new)

    async def _execute(self, columns: Iterable[Sequence[Any]]) -> Sequence[tuple[Any, Any, Any]]:
        """Run the statement, committed by itself in one round trip; return what is new: locations, ids of events."""
        async with lent(self._engine) as driver:
            rows: Sequence[tuple[Any, Any, Any]] = await driver.fetch(ACCEPT, *self._settings, *columns, HANDED_SECONDS)
            return rows


def _columns(group: Sequence[Kept]) -> Iterable[Sequence[Any]]:
    """Return the rows of all, turned into the columns that the statement takes."""
    yield from _turned([what.request for what in group], RequestRow)
    yield from _turned([row for what in group for row in what.posts], PostRow)
    yield from _turned([row for what in group for row in what.preparations], PreparationRow)
    yield from _turned([event.row for what in group for event in what.events], EventRow)


def _turned(rows: Sequence[tuple[Any, ...]], kind: type[Any]) -> Iterable[Sequence[Any]]:
    return zip(*rows, strict=True) if rows else [()] * len(kind._fields)


def _stored(events: Iterable[KeptEvent], ids: Mapping[str, int]) -> Iterable[Stored]:
    """Return those that were stored, as the relay sends them."""
    for row, headers in events:
        if id_ := ids.get(headers["ce-id"]):
            yield Stored(id_, message_of(id_, row.key, headers, row.body))


def _fail(group: Sequence[_Waiting], error: Exception) -> None:
    for waiting in group:
        if not waiting.done.done():
            waiting.done.set_exception(error)
