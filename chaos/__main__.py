"""`python -m chaos [fault …]`: do harm to everything, and see by the sandbox's ledger that every post rings once.

Servers are its own: they are killed. What was done is kept in .local/chaos; `--resume` goes on where a run was ended.
"""

import argparse
import asyncio
import logging
import os
import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from random import Random

from chaos.broken import in_suite
from chaos.fault import Done, Fault, Ground, Round
from chaos.faults import ALL
from chaos.oracle import judge
from chaos.report import ROOT, Book, Line, each, record, table
from chaos.running import running_stage
from chaos.scale import Scale
from chaos.servers import running_servers
from chaos.stage import Stage

STATE = ROOT / ".local" / "chaos"
SEED = 20251001
UNHURRIED = frozenset({"threads"})
"""Platforms that leave something open for minutes: a short run goes without them."""
STUCK = 2
"""Rounds of one fault that may end without an end; then the next fault's turn has come."""


def read_arguments(words: list[str] | None = None) -> Namespace:
    """Return what the command line asks for."""
    told = "\n".join(f"  {name:<6} {fault.about}" for name, fault in ALL.items())
    parser = argparse.ArgumentParser(
        prog="python -m chaos",
        description=__doc__,
        epilog=f"faults (none named: all):\n{told}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("faults", nargs="*", metavar="fault", help="which faults")
    parser.add_argument("--seed", type=int, default=SEED, help=f"what chance follows from (default {SEED})")
    parser.add_argument("--repeats", type=int, help="interrupted posts of each fault, at the least")
    parser.add_argument("--short", action="store_true", help="one round of each fault that is quick: for CI")
    parser.add_argument("--full-scale", action="store_true", help="deadlines as in production, and one round each")
    parser.add_argument("--resume", action="store_true", help="go on with the run of this seed and scale")
    parser.add_argument("--broken", action="store_true", help="processes broken on purpose: every fault must fail")
    parser.add_argument("--posts", type=int, default=20_000, help="posts of the crowd (default 20000)")
    parser.add_argument("--minutes", type=float, default=10.0, help="how long the crowd is killed (default 10)")
    parser.add_argument("--write", action="store_true", help="put the table into docs/reliability.md")
    asked = parser.parse_args(words)
    if unknown := set(asked.faults) - set(ALL):
        parser.error(f"there is no fault {', '.join(sorted(unknown))}; there are {', '.join(ALL)}")
    if asked.repeats is not None and asked.repeats < 1:
        parser.error("--repeats must be 1 or more")
    return asked


class Run:
    """One call of the suite."""

    def __init__(self, asked: Namespace) -> None:
        self._asked = asked
        self._scale = Scale(1.0 if asked.full_scale else 20.0)
        kind = "broken-" if asked.broken else "short-" if asked.short else ""
        self.book = Book(STATE, f"{kind}{asked.seed}-{self._scale.factor:g}", resume=asked.resume)
        self.description = ""
        self._stuck: dict[str, int] = {}

    async def all(self) -> None:
        """Do every fault that was asked for, those with the same ground on one stage."""
        stages: dict[tuple[Ground, str], list[Fault]] = {}
        for name, fault in ALL.items():
            if self._wanted(name, fault):
                stages.setdefault((fault.ground, fault.broken if self._asked.broken else ""), []).append(fault)
        for group in stages.values():
            while todo := [fault for fault in group if not self.enough(fault)]:
                await self._on_one_stage(todo)

    def enough(self, fault: Fault) -> bool:
        """Say whether a fault has had its repeats, or is stuck."""
        if self._stuck.get(fault.name, 0) >= (1 if self._asked.broken else STUCK):
            return True
        done = self.book.of(fault.name)
        if self._asked.short or self._asked.full_scale or self._asked.broken:
            return bool([line for line in done if line.posts])
        return sum(line.repeats for line in done) >= (self._asked.repeats or fault.repeats)

    def _wanted(self, name: str, fault: Fault) -> bool:
        if self._asked.broken and not fault.broken:
            return False
        if self._asked.faults:
            return name in self._asked.faults
        return fault.short or not self._asked.short

    async def _on_one_stage(self, todo: Sequence[Fault]) -> None:
        """Set everything up and go through the faults; a round that comes to no end ends the stage too."""
        ground = todo[0].ground
        chance = Random(self._asked.seed)
        broken = todo[0].broken if self._asked.broken else None
        with in_suite(broken), running_servers(clustered=ground.clustered) as servers:
            self.description = servers.description
            print(f"on {servers.description}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", flush=True)
            async with running_stage(
                servers,
                self._scale,
                [one for one in ground.platforms if not (self._asked.short and one in UNHURRIED)],
                chance=chance,
                replicas=ground.replicas,
                broken=broken,
                more=dict(ground.more),
            ) as stage:
                for fault in todo:
                    while not self.enough(fault):
                        if not await self._round(stage, fault):
                            return
                await stage.next_round()
                for late in await stage.late_doubles():
                    self.book.add(Line.failed(todo[-1].name, todo[-1].about, -1, f"doubled after its round: {late}"))

    async def _round(self, stage: Stage, fault: Fault) -> bool:
        """Do one round and write down what it came to; return whether the stage can be used on."""
        number = len(self.book.of(fault.name))
        await stage.next_round()
        go = Round(
            number,
            f"c{fault.name}r{number}",
            Random(f"{self._asked.seed}/{fault.name}/{number}"),
            self._asked.short,
            self._asked.posts,
            self._asked.minutes,
        )
        began = time.monotonic()
        try:
            done = await fault.once(stage, go)
        except Exception as error:  # noqa: BLE001 - whatever it is, a run of hours goes on with the next fault
            self._stuck[fault.name] = self._stuck.get(fault.name, 0) + 1
            line = await self._as_far_as_it_came(stage, fault, number, _reason(error))
        else:
            line = Line.of(fault.name, fault.about, number, done, judge(await stage.evidence()))
        line.notes["seconds"] = round(time.monotonic() - began, 1)
        line.servers = self.description
        self.book.add(line)
        print(line.told(), flush=True)
        return fault.name not in self._stuck

    async def _as_far_as_it_came(self, stage: Stage, fault: Fault, number: int, reason: str) -> Line:
        """Return the line of a round without an end: what the oracle sees now, and why."""
        line = Line.failed(fault.name, fault.about, number, reason)
        with suppress(Exception):
            line = Line.of(fault.name, fault.about, number, Done(0, wrong=[reason]), judge(await stage.evidence()))
        return line


def _reason(error: BaseException) -> str:
    """Return what went wrong, of several things the first."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"


def main() -> None:
    """Run, print the table, and end with 0 if everything held (with --broken: if nothing did)."""
    asked = read_arguments()
    # That connections break is what is done here: who watches needs not read it again and again.
    for name in ("aiormq", "aio_pika", "shared.bus"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    run = Run(asked)
    began = time.monotonic()
    asyncio.run(run.all())
    print(f"\n{table(run.book.lines)}\n\nseed {asked.seed}, {time.monotonic() - began:.0f} s; {run.book.path}")
    if asked.write:
        record(
            {
                "command": f"`{' '.join(['python -m chaos', *sys.argv[1:]])}`",
                "versions": each(line.version for line in run.book.lines),
                "date": datetime.now(UTC).date().isoformat(),
                "seed": str(asked.seed),
                "deadlines": "as in production" if asked.full_scale else "1:20, their order kept",
                "servers": f"{each(line.servers for line in run.book.lines)}; {os.cpu_count()} cores",
            },
            run.book.lines,
        )
    if asked.broken:
        unmoved = {line.fault for line in run.book.lines} - {line.fault for line in run.book.lines if not line.holds}
        sys.exit(f"these held although processes were broken: {', '.join(sorted(unmoved))}" if unmoved else 0)
    sys.exit(0 if run.book.lines and all(line.holds for line in run.book.lines) else 1)


if __name__ == "__main__":
    main()
