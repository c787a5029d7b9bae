"""Start one of metrics' processes: `python -m services.metrics worker`."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import shared.accounts
from services.metrics.accounts import Accounts
from services.metrics.collect import Collect
from services.metrics.followers import Followers
from services.metrics.handlers import Intake, handlers
from services.metrics.hear import HOUR, Forget, Hear
from services.metrics.people import People
from services.metrics.settings import MetricsSettings
from services.metrics.tokens import Tokens
from shared.channels import RegistryFile
from shared.mailbox import Due, posts_queue
from shared.process import Factory, Loop, Parts, Runtime, main


async def api(runtime: Runtime) -> Parts:
    """Answer what was measured."""
    from services.metrics.api import make_app  # with FastAPI, which no other process loads

    return Parts(loops={}, app=make_app(runtime))


async def worker(runtime: Runtime) -> Parts:
    """Remember what becomes public, measure it, ask about channels, hear what is said to them; as many as you like."""
    settings = _settings(runtime)
    registry = RegistryFile(settings.config_dir, settings.platform_urls)
    known = shared.accounts.Accounts(settings.accounts_file, registry.current)
    tokens = Tokens.of(runtime.engine, settings)

    def asking(act: Callable[[Accounts, MetricsSettings], Due[Any]], most: int) -> Loop:
        async def loop(stopping: asyncio.Event) -> None:
            async with Accounts(known, tokens, registry.current, settings.contact) as accounts:
                await runtime.mailbox.due(act(accounts, settings), most, stopping)

        return loop

    async def forgetting(stopping: asyncio.Event) -> None:
        await runtime.mailbox.clock("forget", Forget(settings).tick).run(stopping, longest=HOUR)

    handled = handlers(Intake(settings.ages))
    consumer = runtime.mailbox.consumer(handled, patient=handled)
    loops = {
        "consumer": consumer.run,
        "dead letters": runtime.mailbox.dead_letters(posts_queue("metrics")).run,
        "collect": asking(Collect, settings.collect_calls),
        "followers": asking(Followers, 1),
        "people": asking(People, 1),
        "hear": asking(Hear, settings.hear_calls),
        "forget": forgetting,
    }
    return Parts(loops=loops, consumes=True)


def _settings(runtime: Runtime) -> MetricsSettings:
    if not isinstance(runtime.settings, MetricsSettings):
        raise TypeError("metrics' processes need metrics' settings")
    return runtime.settings


PROCESSES: Mapping[str, Factory] = {"api": api, "worker": worker}

if __name__ == "__main__":
    main("metrics", MetricsSettings, PROCESSES)
