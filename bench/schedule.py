"""The scheduler: how fast it announces what is due, how late, and whether a million planned posts change that.

Three databases of publisher: few posts, many, and many whose rows were written again and again. Claims: everything due
is announced by `Scheduler.tick`, its events stored; beside it one bare statement that claims, updates and writes an
outbox row. Lateness: posts fall due at a steady rate; beside it Procrastinate and PgQueuer with jobs that do nothing.
"""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from bench import deferred, late
from bench.measure import Meter, Spread, interleave
from bench.planned import MS, Planned, planned
from bench.verdict import at_least, at_most, percentile
from deploy.local.databases import own_databases

FEW, MANY, VERSIONS, DUE = 1_000, 1_000_000, 10_000_000, 10_000
RATE, SECONDS = 200.0, 6.0
BARE, SIZE, CHURN = 0.7, 0.8, 0.7
P50, P99 = 20.0, 50.0
AGO = timedelta(minutes=1)


@dataclass(frozen=True)
class Sides:
    """The databases, and who is measured beside."""

    few: Planned
    many: Planned
    churned: Planned
    others: Mapping[str, str]
    """Their databases' addresses."""


async def schedule(amqp_url: str, database_url: str, rounds: int, share: float) -> None:
    """Compare claims, then lateness; `share` of the usual sizes."""
    name = f"bench{secrets.token_hex(4)}"
    many, versions = int(MANY * share), int(VERSIONS * share)
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        few = await enter(planned(database_url, f"{name}_few", FEW))
        full = await enter(planned(database_url, f"{name}_many", many))
        churned = await enter(planned(database_url, f"{name}_churned", many))
        await churned.churn(versions)
        database = await enter(own_databases(database_url, name))
        others = {who: await database(who) for who in deferred.PLANS}
        sides = Sides(few, full, churned, others)
        print(f"{many:,} planned posts; churned: {versions:,} row versions since\n", flush=True)
        await _claims(sides, rounds, DUE)
        await _late(sides, amqp_url, database_url, rounds, share)


async def _claims(sides: Sides, rounds: int, count: int) -> None:
    ways: Mapping[str, Callable[[], Awaitable[Meter]]] = {
        "few": partial(_claim, sides.few, count),
        "many": partial(_claim, sides.many, count),
        "churned": partial(_claim, sides.churned, count, swept=False),
        "bare": partial(_claim, sides.many, count, bare=True),
    }
    found = dict(zip(ways, await interleave(list(ways.values()), rounds), strict=True))
    rates = {name: Spread(tuple(meter.rate for meter in meters)) for name, meters in found.items()}
    print(f"claim, {count:,} due")
    for name, words in (
        ("few", f"{FEW:,} planned"),
        ("many", "many planned"),
        ("churned", "many, churned"),
        ("bare", "bare, many"),
    ):
        cpu = Spread(tuple(meter.cpu_ms_per_1k for meter in found[name]))
        print(f"  {words:<14} {rates[name].text(0):>24} /s   {cpu.text(0):>18} CPU ms per 1k, without PostgreSQL's")
    for over, under, words, target in (
        ("many", "bare", "many / bare", BARE),
        ("many", "few", "many / few", SIZE),
        ("churned", "many", "churned / many", CHURN),
    ):
        ratio = rates[over].over(rates[under])
        print(f"  {words:<14} {ratio.text(2):>24} ×    target ≥ {target:g} ×: {at_least(target, ratio)}")
    print(flush=True)


async def _claim(one: Planned, count: int, *, bare: bool = False, swept: bool = True) -> Meter:
    """Make so many due, claim them, and leave nothing of it; where nobody sweeps, autovacuum is alone with it."""
    await (one.plan_bare if bare else one.plan)(count, -AGO, MS)
    if swept:
        await one.vacuum()
    meter = await (one.claim_bare if bare else one.claim)(count)
    await one.clear()
    return meter


async def _late(sides: Sides, amqp_url: str, database_url: str, rounds: int, share: float) -> None:
    count = int(RATE * SECONDS * share)
    for who, address in sides.others.items():
        await deferred.PLANS[who](address, None)

    async def ours(one: Planned, replicas: int) -> list[float]:
        found = await late.lateness(one, amqp_url, database_url, rate=RATE, count=count, replicas=replicas)
        await one.clear()
        return found

    async def other(who: str, replicas: int) -> list[float]:
        return await deferred.lateness(who, sides.others[who], rate=RATE, count=count, replicas=replicas)

    ways: dict[str, Callable[[], Awaitable[list[float]]]] = {f"ours, {FEW:,} planned": partial(ours, sides.few, 1)}
    ways |= {f"ours, many, {n}": partial(ours, sides.many, n) for n in (1, 2)}
    ways |= {f"ours, churned, {n}": partial(ours, sides.churned, n) for n in (1, 2)}
    ways |= {f"{who}, {n}": partial(other, who, n) for who in sides.others for n in (1, 2)}
    found: dict[str, list[list[float]]] = {name: [] for name in ways}
    for number in range(-1, rounds):
        for name in ways if number % 2 else reversed(ways):
            milliseconds = await ways[name]()
            if number >= 0:
                found[name].append(milliseconds)
    print("\n".join([*_lines(found), ""]), flush=True)


def _lines(found: Mapping[str, list[list[float]]]) -> list[str]:
    spreads = {
        name: tuple(Spread(tuple(percentile(one, share) for one in some)) for share in (50, 99))
        for name, some in found.items()
    }
    lines = [f"lateness, {RATE:g} due a second; replicas after the comma"]
    for name, (p50, p99) in spreads.items():
        verdict = f"   target ≤ {P50:g} and ≤ {P99:g} ms: {at_most(P50, p50)}, {at_most(P99, p99)}"
        lines.append(
            f"  {name:<22} p50 {p50.text(1):>22} ms   p99 {p99.text(1):>24} ms{verdict if 'ours' in name else ''}"
        )
    for name, (p50, p99) in spreads.items():
        if "ours" in name:
            continue
        own = spreads[f"ours, many, {name[-1]}"]
        ahead = (at_most(1, own[at].over(spread)) for at, spread in enumerate((p50, p99)))
        lines.append(f"  ours, many, ahead of {name} at p50 and p99: {', '.join(ahead)}")
    return lines
