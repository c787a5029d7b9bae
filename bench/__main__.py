"""`python -m bench [part …]`: every figure beside its baseline, both measured in turn in this run.

Servers are those that AMQP_URL and DATABASE_URL name, else private ones that wait for their disk.
"""

import argparse
import asyncio
import os
import subprocess
import sys
from argparse import Namespace
from collections.abc import Awaitable, Callable, Mapping

from bench.hold import SHORT_TRIES, TRIES, hold
from bench.latency import latency
from bench.mailbox import consume, relay
from bench.measure import ROUNDS, run
from bench.record import record
from bench.schedule import schedule
from bench.sustained import MINUTES, SHORT_MINUTES, sustained
from deploy.local.postgres import running_postgres
from deploy.local.rabbit import running_rabbit

SHORT = 0.2
"""What a short run does of the usual work: enough to see that everything runs, not enough for a verdict."""

Part = Callable[[str, str, Namespace], Awaitable[None]]


async def _program(name: str, asked: Namespace) -> None:
    """Run a part that is a program of its own."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", f"bench.{name}", str(asked.rounds))
    if code := await process.wait():
        raise SystemExit(code)


PARTS: Mapping[str, tuple[str, Part]] = {
    "bus": ("publish and consume, beside bare aio-pika", lambda _a, _d, asked: _program("bus", asked)),
    "consume": (
        "consume in a transaction, beside the same statements by hand",
        lambda amqp, database, asked: consume(amqp, database, asked.rounds, asked.share),
    ),
    "relay": (
        "send the outbox, beside the same statements by hand",
        lambda amqp, database, asked: relay(amqp, database, asked.rounds, asked.share),
    ),
    "ingest": ("one request with three posts, beside a plain handler", lambda _a, _d, asked: _program("ingest", asked)),
    "content": (
        "one text against every limit, one photograph in every form",
        lambda _a, _d, asked: _program("content", asked),
    ),
    "schedule": (
        "a million planned posts: claims and lateness, beside one statement, Procrastinate and PgQueuer",
        lambda amqp, database, asked: schedule(amqp, database, asked.rounds, asked.share),
    ),
    "latency": (
        "202 to platform at 20 and 100 posts/s, beside the shortest chain",
        lambda amqp, database, asked: latency(amqp, database, asked.rounds, asked.share),
    ),
    "hold": (
        "holds placed while 100 posts/s go out: the last call after the answer",
        lambda amqp, database, asked: hold(amqp, database, SHORT_TRIES if asked.short else TRIES),
    ),
    "sustained": (
        "100 posts/s for minutes, everything on this machine",
        lambda amqp, database, asked: sustained(amqp, database, asked.minutes),
    ),
}


def read_arguments(words: list[str] | None = None) -> Namespace:
    """Return what the command line asks for; `share` of the usual work follows from it."""
    told = "\n".join(f"  {name:<10} {about}" for name, (about, _) in PARTS.items())
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=__doc__,
        epilog=f"parts (none named: all):\n{told}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("parts", nargs="*", metavar="part", help="what to measure")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"rounds that count (default {ROUNDS})")
    parser.add_argument("--minutes", type=float, help=f"how long `sustained` takes (default {MINUTES:g})")
    parser.add_argument("--short", action="store_true", help="a fifth of the work: to see that it runs, not to judge")
    parser.add_argument(
        "--write",
        action="store_true",
        help="run each part by itself, and write what it prints into docs/performance.md",
    )
    asked = parser.parse_args(words)
    if unknown := set(asked.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    if asked.rounds < 1 or (asked.minutes is not None and asked.minutes <= 0):
        parser.error("--rounds and --minutes must be greater than 0")
    asked.share = SHORT if asked.short else 1.0
    asked.minutes = asked.minutes or (SHORT_MINUTES if asked.short else MINUTES)
    return asked


async def measure(asked: Namespace) -> None:
    """Run the parts, one after the other, on the same servers."""
    with running_rabbit() as broker, running_postgres(durable=True) as database:
        os.environ.update(AMQP_URL=broker.amqp_url, DATABASE_URL=database.database_url)
        load = os.getloadavg()[0]
        print(f"{broker.description}; {database.description}; {os.cpu_count()} cores, load {load:.1f} before")
        print(f"{asked.rounds} rounds; median [least–greatest]\n", flush=True)
        for name in asked.parts or PARTS:
            await PARTS[name][1](broker.amqp_url, database.database_url, asked)


def main() -> None:
    """Measure, or have it measured and write down what was printed."""
    asked = read_arguments()
    if not asked.write:
        run(lambda: measure(asked))
        return
    options = [word for word in sys.argv[1:] if word != "--write" and word not in PARTS]
    for part in asked.parts or PARTS:
        words = [part, *options]
        record(part, " ".join(["python -m bench", *words]), _printed(words))


def _printed(words: list[str]) -> str:
    """Return what a run prints, printed here as it comes; ends with its code if that is not 0."""
    with subprocess.Popen([sys.executable, "-m", "bench", *words], stdout=subprocess.PIPE, text=True) as process:
        lines = []
        for line in process.stdout or ():
            print(line, end="", flush=True)
            lines.append(line)
    if process.returncode:
        raise SystemExit(process.returncode)
    return "".join(lines)


if __name__ == "__main__":
    main()
