"""Many posts for minutes, everything on this machine: does what goes in come out, how late, and what does it cost."""

import time

from bench.machine import busy_seconds, difference, spent_by_name
from bench.pipeline import Pipeline, Sending, pipeline
from bench.verdict import percentile

RATE, MINUTES, SHORT_MINUTES = 100.0, 5.0, 0.5
LEAST = 0.98
"""A Poisson source of 100 a second gives 30,000 ± 173 in five minutes; what is below this share was held back."""
BACKLOG_SECONDS = 2.0
"""A backlog of more than what comes in during this time is one that grows."""


async def sustained(amqp_url: str, database_url: str, minutes: float, rate: float = RATE) -> None:
    """Send at a steady rate and report."""
    async with pipeline(amqp_url, database_url) as carillon:
        await carillon.settle(await carillon.send(rate / 5, 3))
        spent, busy, before = spent_by_name(), busy_seconds(), await carillon.arrived()
        sending = await carillon.send(rate, minutes * 60)
        out = await carillon.arrived() - before
        busy = busy_seconds() - busy
        costs = difference(spent, spent_by_name())
        print("\n".join([*await _lines(carillon, sending, out, busy), *_costs(costs, out), ""]), flush=True)


async def _lines(carillon: Pipeline, sending: Sending, out: int, busy: float) -> list[str]:
    sent, seconds = len(sending.accepted), sending.seconds
    began = time.perf_counter()
    await carillon.settle(sending)
    drained = time.perf_counter() - began
    late, backlog = sending.lateness_ms, sent - out
    kept = sent / seconds >= LEAST * sending.rate and backlog <= BACKLOG_SECONDS * sending.rate and not sending.wrong
    ended = {name: times for name, times in carillon.stack.restarts.items() if times}
    p50, p99 = percentile(late, 50), percentile(late, 99)
    return [
        f"sustained, {sending.rate:g} posts/s for {seconds / 60:.1f} minutes",
        f"  in        {sent / seconds:8.1f} /s   {sent} posts answered 202, 503 before that: {sending.refused}",
        f"  out       {out / seconds:8.1f} /s   backlog at the end {backlog}, gone {drained:.1f} s later",
        f"  lateness  p50 {p50:,.0f} ms, p99 {p99:,.0f} ms, greatest {max(late):,.0f} ms",
        f"  ledger    {f'wrong: {sending.wrong[:5]}' if sending.wrong else 'exact'}; restarts: {ended or 0}",
        f"  machine   {busy * 1e3 / max(1, out):.1f} ms CPU per post, whatever else ran on it included",
        f"  target    ≥ {sending.rate:g} posts/s sustained: {'met' if kept else 'not met'}",
    ]


def _costs(costs: dict[str, float], posts: int) -> list[str]:
    total = sum(costs.values()) * 1e3 / max(1, posts)
    shown = [(name, seconds * 1e3 / max(1, posts)) for name, seconds in costs.items()]
    rows = [f"            {ms:6.2f}  {name}" for name, ms in shown if ms >= 0.01]
    return [f"  ours      {total:.1f} ms CPU per post:", *rows]
