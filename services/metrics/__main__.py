"""Start one of metrics' processes: `python -m services.metrics worker`."""

import asyncio
from collections.abc import Mapping

from services.metrics.accounts import Accounts
from services.metrics.api import make_app
from services.metrics.collect import Collect
from services.metrics.followers import Followers
from services.metrics.handlers import Intake, handlers
from services.metrics.settings import MetricsSettings
from shared.channels import RegistryFile
from shared.process import Factory, Parts, Runtime, main


async def api(runtime: Runtime) -> Parts:
    """Answer what was measured."""
    return Parts(loops={}, app=make_app(runtime))


async def worker(runtime: Runtime) -> Parts:
    """Remember what becomes public, measure it, count followers; as many as you like."""
    settings = _settings(runtime)
    registry = RegistryFile(settings.config_dir, settings.platform_urls)

    async def collecting(stopping: asyncio.Event) -> None:
        async with Accounts(registry.current, settings.contact) as accounts:
            await runtime.mailbox.due(Collect(accounts, settings), settings.collect_calls, stopping)

    async def counting(stopping: asyncio.Event) -> None:
        async with Accounts(registry.current, settings.contact) as accounts:
            await runtime.mailbox.due(Followers(accounts, settings), 1, stopping)

    handled = handlers(Intake(settings.ages))
    consumer = runtime.mailbox.consumer(handled, patient=handled)
    return Parts(loops={"consumer": consumer.run, "collect": collecting, "followers": counting}, consumes=True)


def _settings(runtime: Runtime) -> MetricsSettings:
    if not isinstance(runtime.settings, MetricsSettings):
        raise TypeError("metrics' processes need metrics' settings")
    return runtime.settings


PROCESSES: Mapping[str, Factory] = {"api": api, "worker": worker}

if __name__ == "__main__":
    main("metrics", MetricsSettings, PROCESSES)
