"""Procrastinate and PgQueuer, deferring the same jobs: a job that does nothing says how late it was.

Each worker is a process of its own. It prints a line when it is ready, then by how many milliseconds each job was late,
by the time that its own table has for it. Both look as often as they can be told to; what they are told on insert wakes
them besides.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import procrastinate
from pgqueuer import PgQueuer
from pgqueuer.models import Job
from pgqueuer.queries import Queries
from procrastinate.tasks import Task

from bench.measure import run

READY = "ready"
POLL = 0.25
"""Seconds between two looks of Procrastinate, in place of 5. PgQueuer finds out by itself when the next job is due."""
AT_ONCE, BATCH = 20, 50
"""Jobs that run at once in a worker of Procrastinate, and that PgQueuer takes at once."""
IN_ONE_CALL = 100
LEAD = timedelta(seconds=4)
DEFERRED_A_SECOND = 200.0
"""The first job falls due `LEAD` after all are deferred, if so many a second can be: then the workers are there."""
PATIENCE = 60.0
TABLES = {"procrastinate": "procrastinate_jobs", "pgqueuer": "pgqueuer"}


def say(due: datetime | None) -> None:
    """Print how late it is."""
    now = datetime.now(UTC)
    assert due, "a job without its time"
    print((now - due).total_seconds() * 1e3, flush=True)


def procrastination(address: str) -> tuple[procrastinate.App, Task[..., Any, Any]]:
    """Return an app with one task."""
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=address))

    @app.task(name="noop", queue="bench", pass_context=True)
    async def noop(context: procrastinate.JobContext) -> None:
        say(context.job.scheduled_at)

    return app, noop


async def procrastinate_works(address: str) -> None:
    """Run a worker of Procrastinate until told to end."""
    app, _ = procrastination(address)
    async with app.open_async():
        print(READY, flush=True)
        await app.run_worker_async(queues=["bench"], concurrency=AT_ONCE, fetch_job_polling_interval=POLL)


async def pgqueuer_works(address: str) -> None:
    """Run a worker of PgQueuer until told to end."""
    async with asyncpg.create_pool(address, min_size=2, max_size=6) as pool:
        queue = PgQueuer.from_asyncpg_pool(pool)

        @queue.entrypoint("noop")
        async def noop(job: Job) -> None:
            say(job.execute_after)

        print(READY, flush=True)
        await queue.run(batch_size=BATCH)


async def procrastinate_plans(address: str, dues: list[datetime] | None) -> None:
    """Defer jobs to these moments; make the tables when there are none."""
    app, noop = procrastination(address)
    async with app.open_async():
        if dues is None:
            await app.schema_manager.apply_schema_async()
        for due in dues or ():
            await noop.configure(schedule_at=due).defer_async()


async def pgqueuer_plans(address: str, dues: list[datetime] | None) -> None:
    """Defer jobs to these moments; make the tables when there are none."""
    async with asyncpg.create_pool(address, min_size=1, max_size=1) as pool:
        queries = Queries.from_asyncpg_pool(pool)
        if dues is None:
            await queries.install()
        for at in range(0, len(dues or ()), IN_ONE_CALL):
            some = (dues or [])[at : at + IN_ONE_CALL]
            after: list[timedelta | None] = [due - datetime.now(UTC) for due in some]
            await queries.enqueue(["noop"] * len(some), [None] * len(some), [0] * len(some), after)


Plans = Callable[[str, list[datetime] | None], Awaitable[None]]
WORKS = {"procrastinate": procrastinate_works, "pgqueuer": pgqueuer_works}
PLANS: Mapping[str, Plans] = {"procrastinate": procrastinate_plans, "pgqueuer": pgqueuer_plans}


async def lateness(who: str, address: str, *, rate: float, count: int, replicas: int) -> list[float]:
    """Return the milliseconds by which each job was late: so many a second, so many in all, with so many workers."""
    late: list[float] = []
    lead = LEAD + timedelta(seconds=count / DEFERRED_A_SECOND)
    while not late:
        start = datetime.now(UTC) + lead
        await PLANS[who](address, [start + timedelta(seconds=number / rate) for number in range(count)])
        async with _workers(who, address, replicas) as outputs:
            if datetime.now(UTC) < start:
                async with asyncio.timeout(lead.total_seconds() + count / rate + PATIENCE):
                    late = await _hear(outputs, count)
        await _clear(who, address)
        lead *= 2  # the first was due before all was there: once more, with more time
    assert len(late) == count, f"{who} did {len(late)} of {count} jobs"
    return late


async def _hear(outputs: list[asyncio.StreamReader], count: int) -> list[float]:
    late: list[float] = []
    readers = [asyncio.create_task(_read(output, late, count)) for output in outputs]
    await asyncio.wait(readers, return_when=asyncio.FIRST_COMPLETED)
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    return late


async def _clear(who: str, address: str) -> None:
    connection = await asyncpg.connect(address)
    await connection.execute(f"TRUNCATE {TABLES[who]} CASCADE")
    await connection.close()


async def _read(output: asyncio.StreamReader, late: list[float], wanted: int) -> None:
    while len(late) < wanted and (line := await output.readline()):
        late.append(float(line))


@asynccontextmanager
async def _workers(who: str, address: str, replicas: int) -> AsyncIterator[list[asyncio.StreamReader]]:
    # Not with -m: Procrastinate knows a task by its module's name, and `__main__` is none.
    command = (sys.executable, "-c", "from bench.deferred import main; main()", who, address)
    workers = [await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE) for _ in range(replicas)]
    outputs = [worker.stdout for worker in workers if worker.stdout]
    try:
        for output in outputs:
            assert (await output.readline()).decode().strip() == READY, f"{who} did not start"
        yield outputs
    finally:
        for worker in workers:
            if worker.returncode is None:
                worker.kill()
        await asyncio.gather(*(worker.wait() for worker in workers))


def main() -> None:
    """Be the worker that the command line names."""
    run(lambda: WORKS[sys.argv[1]](sys.argv[2]))
