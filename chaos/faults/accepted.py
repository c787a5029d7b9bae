"""The platform accepts and does not say so; and a worker sleeps past its lease, then wakes up with an outcome."""

from chaos.fault import CHANNELS, Done, Fault, Measured, Round
from chaos.stage import Stage

KINDS = ("accept_then_stall", "accept_then_reset", "accept_then_500")
TIMES = 3
"""Calls on each platform that each kind spoils."""
EACH = 12
"""Posts on each platform."""
SLEEPERS = ("publisher-bluesky", "publisher-x")
"""Workers that have a second one beside them, which goes on."""
POINTS = ("deliver.before_call", "deliver.after_call")
ASLEEP = 4
ORPHANS = "SELECT count(*) FROM try WHERE post = ANY($1::uuid[]) AND outcome LIKE 'orphan%'"


async def once(stage: Stage, go: Round) -> Done:
    """Spoil answers on every platform, then let two workers oversleep."""
    for platform in stage.platforms:
        for kind in KINDS:
            await stage.fault(platform, kind, times=TIMES, seconds=stage.scale.http * 1.5)
    channels = [CHANNELS[platform] for platform in stage.platforms]
    await stage.ask_many(channels, f"{go.mark}a", EACH * len(channels), together=16)
    await stage.must(stage.settled, "every post has come to its end")
    spoilt = await stage.faults_used()
    asleep = await _oversleep(stage, go)
    orphans: int = (await stage.rows("publisher", ORPHANS, [intent.post for intent in stage.intents]))[0][0]
    return Done(
        repeats=spoilt + asleep,
        measured=[Measured("orphans", orphans, 1, "tries", least=True)],
        notes={"spoilt": spoilt, "asleep": asleep, "orphans": orphans},
    )


async def _oversleep(stage: Stage, go: Round) -> int:
    """Stop two workers with calls in hand until others have resolved these, then let them go on."""
    points = go.chance.sample(POINTS, 2)
    await stage.armed({name: f"{point}:stop@{ASLEEP}" for name, point in zip(SLEEPERS, points, strict=True)})
    for name in SLEEPERS:
        list(stage.struck(name))
    channels = [CHANNELS[name.removeprefix("publisher-")] for name in SLEEPERS]
    gathered = dict[str, int]()

    async def stopped() -> bool:
        for name in SLEEPERS:
            for line in stage.struck(name):
                gathered[name] = line["gathered"]
        return len(gathered) == len(SLEEPERS)

    try:
        await stage.ask_many(channels, f"{go.mark}b", EACH * len(channels), together=16)
        await stage.must(stopped, "both workers sleep")
        await stage.must(stage.settled, "others resolve what the sleepers hold")
    finally:
        for name in SLEEPERS:
            stage.thaw(name)
    await stage.must(lambda: _woken(stage), "the sleepers write their outcomes as orphans")
    await stage.must(stage.settled, "every post has come to its end")
    return sum(gathered.values())


async def _woken(stage: Stage) -> bool:
    """Say whether every try has ended: those of the sleepers are the last."""
    return all(one.ended is not None for one in await stage.tries([i.post for i in stage.intents if "b" in i.marks[0]]))


FAULT = Fault("7", "accepted, then stall, reset or 500; a worker asleep past its lease", once, 100, broken="blind")
