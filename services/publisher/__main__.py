"""Start one of publisher's processes: `python -m services.publisher worker bluesky`."""

import asyncio
from collections.abc import Mapping
from functools import partial

from services.publisher.api import make_app
from services.publisher.deliver import Deliver, Offered
from services.publisher.figures import EVERY, Figures
from services.publisher.handlers import Planner, handlers
from services.publisher.schedule import Scheduler
from services.publisher.settings import PublisherSettings
from services.publisher.usage import Usage
from shared import platforms
from shared.accounts import Accounts
from shared.adapter.client import HttpClient
from shared.adapter.spec import Spec
from shared.addresses import Addresses
from shared.channels import RegistryFile
from shared.events import PostRequested
from shared.mailbox import due_queue
from shared.process import Factory, Parts, Runtime, main
from shared.settings import WrongSettingError


async def api(runtime: Runtime) -> Parts:
    """Answer where deliveries are."""
    return Parts(loops={}, app=make_app(runtime, _settings(runtime)))


LINGER = 0.03
"""Seconds that what became of a call waits to be written down: the next post does not wait for it."""


async def plan(runtime: Runtime) -> Parts:
    """Bring requests and approvals together, and plan what has both."""
    planner = Planner(_settings(runtime), RegistryFile(runtime.settings.config_dir).current)
    # A request waits for its approval in any case, and mostly shares its transaction.
    consumer = runtime.mailbox.consumer(handlers(planner), patient=(PostRequested,))
    return Parts(loops={"planner": consumer.run}, consumes=True)


async def scheduler(runtime: Runtime) -> Parts:
    """Announce what is due, expire what is too late."""
    figures = Figures(RegistryFile(_settings(runtime).config_dir).current)
    showing = partial(runtime.mailbox.clock("figures", figures.tick).run, longest=EVERY)
    scheduling = runtime.mailbox.clock("scheduler", _scheduler(runtime).tick).run
    return Parts(loops={"scheduler": scheduling, "figures": showing})


async def worker(runtime: Runtime, platform: str) -> Parts:
    """Publish what is due on one platform; as many as you like."""
    settings = _settings(runtime)
    registry = RegistryFile(settings.config_dir, settings.platform_urls)
    if (spec := platforms.specs().get(platform)) is None:
        raise WrongSettingError("platform", f"there is no {platform!r}; there are {', '.join(platforms.specs())}")
    accounts = Accounts(settings.accounts_file, registry.current)
    media = Offered(runtime.media, _addresses(settings, spec))

    async def deliveries(stopping: asyncio.Event) -> None:
        async with HttpClient(spec, contact=settings.contact, deadline=settings.http_seconds) as http:
            deliver = Deliver(
                spec,
                platforms.publisher_of(platform),
                engine=runtime.engine,
                accounts=accounts,
                registry=registry.current,
                http=http,
                media=media,
                settings=settings,
            )
            await runtime.mailbox.woken(deliver, due_queue(platform), settings.concurrency, stopping, LINGER)

    async def questions(stopping: asyncio.Event) -> None:
        async with HttpClient(spec, contact=settings.contact, deadline=settings.http_seconds) as http:
            usage = Usage(
                spec,
                platforms.publisher_of(platform),
                platforms.connector_of(platform),
                accounts=accounts,
                registry=registry.current,
                http=http,
                settings=settings,
            )
            await runtime.mailbox.due(usage, 1, stopping)

    return Parts(loops={"deliver": deliveries, "usage": questions}, consumes=True)


def _addresses(settings: PublisherSettings, spec: Spec) -> Addresses | None:
    """Return what makes public addresses of media; raises WrongSettingError where the platform needs them."""
    try:
        addresses = Addresses.of(settings)
    except ValueError as error:
        raise WrongSettingError("MEDIA_KEY", str(error)) from error
    if addresses is None and spec.pulls:
        raise WrongSettingError("MEDIA_PUBLIC_URL", f"{spec.name} fetches media itself; set it, and MEDIA_KEY")
    return addresses


def _scheduler(runtime: Runtime) -> Scheduler:
    return Scheduler(_settings(runtime), RegistryFile(runtime.settings.config_dir).current)


def _settings(runtime: Runtime) -> PublisherSettings:
    if not isinstance(runtime.settings, PublisherSettings):
        raise TypeError("publisher's processes need publisher's settings")
    return runtime.settings


PROCESSES: Mapping[str, Factory] = {"api": api, "planner": plan, "scheduler": scheduler, "worker": worker}

if __name__ == "__main__":
    main("publisher", PublisherSettings, PROCESSES)
