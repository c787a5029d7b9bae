"""`make demo`: the samples' way from an HTTP request to measured posts, on this machine, with no network.

Ends with 0 only if every post ended as its sample says it must, and the sandbox's ledger agrees.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from pathlib import Path
from secrets import token_hex

import httpx
from rich.console import Console
from rich.live import Live

from deploy.local.databases import own_databases
from deploy.local.guarded import Guarded, ServerUnavailableError
from deploy.local.postgres import running_postgres
from deploy.local.programs import ROOT, SAMPLES, Place, free_port
from deploy.local.queues import own_queues
from deploy.local.rabbit import running_rabbit
from deploy.local.rehearsal import Rehearsal
from deploy.local.report import agrees, ledger, table, told
from deploy.local.stack import running_stack
from deploy.local.together import SETTINGS, running_together

SETTLE_SECONDS = 60.0
MEASURE_SECONDS = 30.0
LOOK_SECONDS = 0.2


def main() -> None:
    """Run the demo; end with what came of it."""
    parser = argparse.ArgumentParser(
        prog="make demo", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--bus", choices=("memory", "amqp"), default="memory", help="in this process, or RabbitMQ")
    bus = parser.parse_args().bus
    console = Console()
    try:
        right = asyncio.run(_demo(bus, console))
    except ServerUnavailableError as error:
        console.print(f"[bold]The demo cannot run:[/] {error}", highlight=False)
        sys.exit(2)
    sys.exit(0 if right else 1)


async def _demo(bus: str, console: Console) -> bool:
    began = time.monotonic()
    with ExitStack() as servers:
        console.print(f"Starting PostgreSQL{', RabbitMQ' if bus == 'amqp' else ''} and the sandbox …")
        database = servers.enter_context(running_postgres(embedded=True))
        broker = servers.enter_context(running_rabbit()) if bus == "amqp" else None
        guarded = servers.enter_context(Guarded("demo", Path(tempfile.gettempdir())))
        place = _place(guarded, database.database_url, broker.amqp_url if broker else "amqp://nobody@localhost/")
        token = place.prepare()
        on = " and ".join(server.description for server in (database, broker) if server)
        console.print(f"On {on}, {'each service a process' if broker else 'all services in this process'} …")
        async with _services(guarded, place, apart=broker is not None) as addresses:
            console.print(f"Ready after {time.monotonic() - began:.1f} s. The samples are sent:\n")
            return await _rehearse(place, addresses["ingest-api"], token, console)


def _place(guarded: Guarded, database_url: str, amqp_url: str) -> Place:
    """Start the sandbox, and return where everything is."""
    port = free_port()
    environment = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "deploy.sandbox", "--port", str(port), "--samples", str(SAMPLES)]
    guarded.start("sandbox", command, environment)
    more = {"MEASURE_AGES": "2s,10s", "LOG_LEVEL": "ERROR", "LOG_FORMAT": "text"}
    name = f"demo_{token_hex(4)}"
    return Place(guarded.folder, f"carillon_{name}", database_url, amqp_url, f"http://127.0.0.1:{port}", more=more)


@asynccontextmanager
async def _services(guarded: Guarded, place: Place, *, apart: bool) -> AsyncIterator[Mapping[str, str]]:
    """Run every service on databases and queues of this run's own, which are dropped at the end."""
    run = place.namespace.removeprefix("carillon_")
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(own_databases(place.database_url, run))
        for service in SETTINGS:
            await database(service)
        if apart:
            await stack.enter_async_context(own_queues(place))
            yield (await stack.enter_async_context(running_stack(guarded, place))).urls
        else:
            yield await stack.enter_async_context(running_together(place))


async def _rehearse(place: Place, ingest: str, token: str, console: Console) -> bool:
    """Send the samples, show their way, and say what came of them."""
    async with httpx.AsyncClient(base_url=ingest, headers={"Authorization": f"Bearer {token}"}, timeout=30) as http:
        rehearsal = Rehearsal(http)
        await rehearsal.send()
        with Live(console=console, get_renderable=lambda: table(rehearsal.posts), refresh_per_second=8):
            settled = await _until(rehearsal.look, SETTLE_SECONDS)
            measured = settled and await _until(rehearsal.measured, MEASURE_SECONDS)
    shown = await ledger(place.sandbox_url)
    console.print(*told(rehearsal.posts, shown), sep="\n")
    wrong = [*_complaints(settled, measured), *agrees(rehearsal.posts, shown)]
    for complaint in wrong:
        console.print(f"[bold red]✗[/] {complaint}", highlight=False)
    if not wrong:
        console.print(f"[bold green]✓[/] All {len(rehearsal.posts)} posts ended as the samples say they must.")
    return not wrong


async def _until(condition: Callable[[], Awaitable[bool]], seconds: float) -> bool:
    """Look again and again; return whether it came true in time."""
    end = time.monotonic() + seconds
    while not await condition():
        if time.monotonic() > end:
            return False
        await asyncio.sleep(LOOK_SECONDS)
    return True


def _complaints(settled: bool, measured: bool) -> list[str]:
    late = [] if settled else [f"not every post had settled after {SETTLE_SECONDS:.0f} s"]
    return late + ([] if measured or not settled else [f"not every post was measured within {MEASURE_SECONDS:.0f} s"])


if __name__ == "__main__":
    main()
