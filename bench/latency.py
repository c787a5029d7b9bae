"""From the 202 to the platform, at a steady rate: the whole pipeline beside the shortest chain that could do it.

Ours begins when the caller has its 202 and ends when the call for the post comes in at the sandbox: making the call is
part of it. The baseline begins when the row is committed and ends before the call would begin. Both clocks are this
machine's.

CPU per post is that of all processes that take part between the 202 and the call, servers included; ours keeps its
promises in processes of their own and in groups, the baseline one message at a time in this one.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from bench.chain import chain
from bench.machine import difference, spent_by_name
from bench.measure import Spread
from bench.pipeline import Pipeline, Sending, pipeline
from bench.verdict import at_most, percentile
from deploy.local.databases import own_databases

RATES, TARGET, CPU_TARGET = (20.0, 100.0), 2.0, 1.0
SECONDS = {20.0: 15.0, 100.0: 30.0}
FILLER = "x" * 900
SERVERS = ("PostgreSQL", "RabbitMQ")
BASELINE = ("this bench", *SERVERS)
"""Where the baseline's CPU is spent; the rest stands by meanwhile."""
OUTSIDE = ("this bench", "services.ingest api", "deploy.sandbox")
"""Where ours is spent before the 202, and after the call has come in."""


@dataclass
class Round:
    """One round at one rate: milliseconds of both sides."""

    ours: list[float]
    baseline: list[float]
    answered: list[float]
    """How long our 202 itself took."""
    cpu: tuple[float, float]
    """Milliseconds of CPU per post: ours, the baseline's."""


async def latency(amqp_url: str, database_url: str, rounds: int, share: float) -> None:
    """Compare, rates and sides in turn, after one round that does not count."""
    name = f"bench{secrets.token_hex(4)}"
    async with (
        own_databases(database_url, name) as database,
        chain(amqp_url, await database("chain"), name) as shortest,
        pipeline(amqp_url, database_url) as carillon,
    ):
        found: dict[float, list[Round]] = {rate: [] for rate in RATES}
        for number in range(-1, rounds):
            for rate in RATES:
                seconds = SECONDS[rate] * share
                before = spent_by_name()
                baseline = await shortest.send(rate, seconds, FILLER)
                between = spent_by_name()
                ours = await _ours(carillon, rate, seconds)
                costs = difference(between, spent_by_name()), difference(before, between)
                if number >= 0:
                    cpu = _ours_cpu(costs[0], len(ours.accepted)), _baseline_cpu(costs[1], len(baseline))
                    found[rate].append(Round(ours.lateness_ms, baseline, ours.answered_ms, cpu))
    for rate, some in found.items():
        print("\n".join([*_lines(rate, some), ""]), flush=True)


async def _ours(carillon: Pipeline, rate: float, seconds: float) -> Sending:
    sending = await carillon.send(rate, seconds)
    await carillon.settle(sending)
    if sending.wrong:
        raise AssertionError(f"the ledger is not exact: {sending.wrong[:5]}")
    return sending


def _ours_cpu(costs: Mapping[str, float], posts: int) -> float:
    return sum(seconds for name, seconds in costs.items() if name not in OUTSIDE) * 1e3 / posts


def _baseline_cpu(costs: Mapping[str, float], posts: int) -> float:
    return sum(costs.get(name, 0) for name in BASELINE) * 1e3 / posts


def _cpu_line(rounds: list[Round]) -> str:
    if any(name not in spent_by_name() for name in SERVERS):
        return "  CPU  not told: the servers are not this bench's own"
    ours, baseline = (Spread(tuple(one.cpu[side] for one in rounds)) for side in (0, 1))
    ratio = ours.over(baseline)
    return (
        f"  CPU  ours {ours.text(1):>24} ms   baseline {baseline.text(1):>20} ms   ratio {ratio.text(2):>18} ×"
        f"   target ≤ {CPU_TARGET:g} ×: {at_most(CPU_TARGET, ratio)}"
    )


def _lines(rate: float, rounds: list[Round]) -> list[str]:
    lines = [f"202 to platform at {rate:g} posts/s"]
    for share, name in ((50, "p50"), (99, "p99")):
        ours = Spread(tuple(percentile(one.ours, share) for one in rounds))
        baseline = Spread(tuple(percentile(one.baseline, share) for one in rounds))
        ratio = ours.over(baseline)
        lines.append(
            f"  {name}  ours {ours.text(0):>24} ms   baseline {baseline.text(0):>20} ms   ratio {ratio.text(2):>18} ×"
            f"   target ≤ {TARGET:g} ×: {at_most(TARGET, ratio)}"
        )
    answers = (Spread(tuple(percentile(one.answered, share) for one in rounds)) for share in (50, 99))
    return [
        *lines,
        _cpu_line(rounds),
        "  before that, our 202 took " + " and ".join(f"{one.text(0)} ms" for one in answers) + " (p50, p99)",
    ]
