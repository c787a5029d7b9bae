"""A rolling deployment under load: first the tables grow, then one process after another becomes the next version."""

from chaos.fault import CHANNELS, Done, Fault, Measured, Round
from chaos.stage import Stage
from deploy.local.stack import Difference
from shared.mailbox import SERVICES

PER_SECOND = 3.0
STOP_SECONDS = 60.0
TABLES = (
    "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' ORDER BY tablename"
)
EXPAND = 'ALTER TABLE "{}" ADD COLUMN IF NOT EXISTS of_the_next_version text'
CONTRACT = 'ALTER TABLE "{}" DROP COLUMN IF EXISTS of_the_next_version'


async def once(stage: Stage, go: Round) -> Done:
    """Deploy the next version, then go back to this one, process by process."""
    channels = [CHANNELS[platform] for platform in stage.platforms]
    before = {name: len(codes) for name, codes in stage.stack.exits.items()}
    async with stage.load(channels, go.mark, PER_SECOND) as asked:
        await _alter(stage, EXPAND)
        await _roll(stage, go, ("chaos.next",))
        half = len(asked)
        await _roll(stage, go, ())
    await stage.must(stage.settled, "every post has come to its end")
    await _alter(stage, CONTRACT)
    ended = {name: stage.stack.exits[name][number:] for name, number in before.items()}
    disorderly = [f"{name} ended with {codes}" for name, codes in ended.items() if any(codes)]
    asked_a_person = [one for one in (await stage.evidence()).states.values() if one == "needs_review"]
    return Done(
        repeats=2 * len(stage.stack.urls),
        measured=[Measured("asked of a person", len(asked_a_person), 0, "")],
        wrong=disorderly,
        notes={"while deploying": half, "while going back": len(stage.intents) - half},
    )


async def _roll(stage: Stage, go: Round, through: tuple[str, ...]) -> None:
    """Stop and start one process after another, in an order of chance."""
    for name in go.chance.sample(list(stage.stack.urls), len(stage.stack.urls)):
        stage.stack.differs[name] = Difference(through=through or stage.through(name))
        pid = stage.stack.pids[name]
        stage.stack.terminate(name)

        async def again(name: str = name, pid: int = pid) -> bool:
            return stage.stack.pids[name] != pid

        await stage.must(again, f"{name} ends and is started again", STOP_SECONDS)
        await stage.stack.ready([name])


async def _alter(stage: Stage, statement: str) -> None:
    for service in SERVICES:
        for row in await stage.rows(service, TABLES):
            await stage.execute(service, f"SET lock_timeout = '10s'; {statement.format(row[0])}")


FAULT = Fault("12", "a rolling deployment, and back", once, repeats=20, short=False, broken="strict")
