"""Every process has a clock of its own, up to ten minutes off: only the database's counts."""

from chaos.fault import CHANNELS, Done, Fault, Measured, Round
from chaos.stage import Stage
from deploy.local.stack import Difference

OFF = 600.0
APIS = frozenset({"ingest-api", "publisher-api", "ingest-media"})
"""Who checks tokens and addresses that somebody else's clock has dated."""
EACH = 6
SOON, LATER = 4.0, 14.0
LATE = 2.0
EARLY = 0.05


async def once(stage: Stage, go: Round) -> Done:
    """Schedule posts, each process ten minutes early or late; they come when it is time by the database's clock."""
    skewed = [name for name in stage.stack.urls if name not in APIS]
    for name in skewed:
        off = str(go.chance.choice((-OFF, OFF)))
        through = stage.through(name)
        stage.stack.differs[name] = Difference(through=through or ("chaos.skewed", off))
    await stage.restart(skewed)
    channels = [CHANNELS[platform] for platform in stage.platforms]
    for number in range(EACH * len(channels)):
        after = go.chance.uniform(SOON, LATER)
        await stage.ask(channels[number % len(channels)], f"{go.mark}n{number}", after=after)
    await stage.must(stage.settled, "every post has come to its end")
    off_by = await _lateness(stage)
    for name in skewed:
        stage.as_all(name)
    await stage.restart(skewed)
    return Done(
        repeats=len(stage.intents),
        measured=[
            Measured("earliest by", max(0.0, -off_by[0]), EARLY),
            Measured("p99 late", off_by[int(0.99 * (len(off_by) - 1))], LATE),
        ],
    )


async def _lateness(stage: Stage) -> list[float]:
    """Return by how much each call came after its time, the earliest first."""
    due = {intent.marks[0]: intent.due_at for intent in stage.intents}
    return sorted(one.called - due[one.mark] for one in await stage.shown() if one.mark in due)


FAULT = Fault("8", "every clock up to ten minutes off", once, repeats=60, short=False, broken="early")
