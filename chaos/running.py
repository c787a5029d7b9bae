"""Everything, running: servers, sandbox and every service's processes, under names of their own that go at the end."""

import os
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from random import Random
from secrets import token_hex
from signal import SIGKILL

import httpx

from chaos.proxy import proxied
from chaos.scale import Scale
from chaos.servers import Servers
from chaos.stage import Stage, until
from deploy.local.databases import own_databases
from deploy.local.guarded import Guarded
from deploy.local.programs import PROGRAMS, ROOT, SAMPLES, WORKERS, Place, free_port
from deploy.local.queues import own_queues
from deploy.local.stack import Stack
from shared.mailbox import SERVICES

CONFIG = Path(__file__).with_name("config")
NOT_NEEDED = "metrics-api"
"""Whom no fault asks anything."""
BROKEN = {
    "immortal": {"POISON_ATTEMPTS": "50"},
    "trusting": {"ASK_AGAIN_SECONDS": "86400"},
    "careless": {"ASK_AGAIN_SECONDS": "86400"},
}
"""Settings with which a run is broken: poison never dies; what was lost is never asked for again."""
EARLY = (
    "CREATE SCHEMA early",
    """CREATE FUNCTION early.now() RETURNS timestamptz LANGUAGE sql STABLE
        AS $$ SELECT pg_catalog.now() + interval '10 seconds' $$""",
    'ALTER DATABASE "{}" SET search_path = early, public, pg_catalog',
)


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
        stage = Stage(guarded, place, running, bus, http, token, database, servers, scale, tuple(on), broken)
        for name in chosen:
            stage.as_all(name)
        await _start_sandbox(stage)
        try:
            await running.start()
            if broken == "early":
                await _make_early(stage)
            yield stage
        finally:
            await running.stop()
            for name in (*running.pids, "sandbox"):  # also one that is stopped
                guarded.end(name, SIGKILL)


async def _make_early(stage: Stage) -> None:
    """Have publisher's database take now for ten seconds later."""
    for statement in EARLY:
        await stage.execute("publisher", statement.format(f"{stage.place.namespace}_publisher"))
    await stage.restart([name for name in stage.stack.urls if name.startswith("publisher-")])


async def _start_sandbox(stage: Stage) -> None:
    """Start the sandbox, with an empty ledger and no quotas, and wait until it answers."""
    environment = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(ROOT)}
    port = stage.place.sandbox_url.rpartition(":")[2]
    words = ["--port", port, "--quotas", "open", "--samples", str(SAMPLES), "--requests-kept", "200000"]
    stage.guarded.start("sandbox", [sys.executable, "-m", "deploy.sandbox", *words], environment)

    async def answers() -> bool:
        try:
            return (await stage.http.get(f"{stage.place.sandbox_url}/livez")).is_success
        except httpx.TransportError:
            return False

    if not await until(answers):
        raise AssertionError(stage.guarded.tail("sandbox"))
