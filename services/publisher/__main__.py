"""Start one of publisher's processes: `python -m services.publisher worker bluesky`."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import partial

import shared.accounts
from services.publisher.accounts import Accounts
from services.publisher.apps import Apps
from services.publisher.census import EVERY, Census
from services.publisher.connect import Connecting
from services.publisher.deliver import Deliver, Offered
from services.publisher.figures import Figures
from services.publisher.give_back import GiveBack
from services.publisher.handlers import Planner, handlers
from services.publisher.limits import ReadLimits
from services.publisher.refresh import Refresh
from services.publisher.refreshed import Writer
from services.publisher.resumes import Resumes
from services.publisher.schedule import Scheduler
from services.publisher.seal import Keys, receiver_of
from services.publisher.settings import PublisherSettings
from services.publisher.usage import Usage
from services.publisher.watch import OFTEN, Watch
from shared import platforms
from shared.adapter.client import HttpClient
from shared.adapter.spec import Spec
from shared.addresses import Addresses
from shared.channels import RegistryFile
from shared.events import PostRequested
from shared.mailbox import due_queue, posts_queue
from shared.process import Factory, Parts, Runtime, main
from shared.settings import WrongSettingError


async def api(runtime: Runtime) -> Parts:
    """Answer where deliveries are and what is held; take a person's word; connect accounts."""
    from services.publisher.api import make_app  # with FastAPI, which no other process loads
    from services.publisher.api.accounts import routes

    settings = _settings(runtime)
    registry = RegistryFile(settings.config_dir, settings.platform_urls)
    apps, keys, receiver = Apps(settings.apps_file, registry.current), Keys.of(settings), receiver_of(settings)
    file = shared.accounts.Accounts(settings.accounts_file, registry.current)
    connecting = Connecting(runtime.mailbox, apps, keys, file, receiver, settings)
    giving = GiveBack(runtime.mailbox, apps, keys, receiver, settings)
    accounts = routes(connecting, giving, registry, runtime.sessions)
    return Parts(loops={}, app=make_app(runtime, settings, registry.current, accounts))


LINGER = 0.03
"""Seconds that what became of a call waits to be written down: the next post does not wait for it."""


async def plan(runtime: Runtime) -> Parts:
    """Bring requests and approvals together, and plan what has both."""
    planner = Planner(_settings(runtime), RegistryFile(runtime.settings.config_dir).current)
    # A request waits for its approval in any case, and mostly shares its transaction.
    consumer = runtime.mailbox.consumer(handlers(planner), patient=(PostRequested,))
    letters = runtime.mailbox.dead_letters(posts_queue("publisher"))
    return Parts(loops={"planner": consumer.run, "dead letters": letters.run}, consumes=True)


async def scheduler(runtime: Runtime) -> Parts:
    """Announce what is due, expire what is too late; count what there is, and what room is left."""
    settings = _settings(runtime)
    registry = RegistryFile(settings.config_dir).current
    announcing = runtime.mailbox.clock("scheduler", Scheduler(settings, registry).tick)
    counting = partial(runtime.mailbox.clock("census", Census(registry).tick).run, longest=EVERY)
    showing = partial(runtime.mailbox.clock("figures", Figures(registry).tick).run, longest=EVERY)
    return Parts(loops={"scheduler": announcing.run, "census": counting, "figures": showing})


async def worker(runtime: Runtime, platform: str) -> Parts:
    """Publish what is due on one platform, and read what its channels allow; as many as you like."""
    settings = _settings(runtime)
    registry = RegistryFile(settings.config_dir, settings.platform_urls)
    if (spec := platforms.specs().get(platform)) is None:
        raise WrongSettingError("platform", f"there is no {platform!r}; there are {', '.join(platforms.specs())}")
    file = shared.accounts.Accounts(settings.accounts_file, registry.current)
    keys = Keys.of(settings)
    accounts = Accounts(file, runtime.engine, keys)
    media = Offered(runtime.media, _addresses(settings, spec))
    http = HttpClient(spec, contact=settings.contact, deadline=settings.http_seconds)

    async def deliveries(stopping: asyncio.Event) -> None:
        async with http:
            deliver = Deliver(
                spec,
                platforms.publisher_of(platform),
                engine=runtime.engine,
                accounts=accounts,
                registry=registry.current,
                http=http,
                media=media,
                resumes=Resumes(keys),
                settings=settings,
            )
            await runtime.mailbox.woken(deliver, due_queue(platform), settings.concurrency, stopping, LINGER)

    async def readings(stopping: asyncio.Event) -> None:
        limits = ReadLimits(
            spec,
            platforms.connector_of(platform),
            accounts=accounts,
            registry=registry.current,
            http=http,
            settings=settings,
        )
        await runtime.mailbox.due(limits, 1, stopping)

    async def questions(stopping: asyncio.Event) -> None:
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

    letters = runtime.mailbox.dead_letters(due_queue(platform)).run
    loops = {"deliver": deliveries, "dead letters": letters, "limits": readings, "usage": questions}
    return Parts(loops=loops, consumes=True)


AT_ONCE = 4
"""Accounts that one refresher looks at at once."""


async def refresher(runtime: Runtime) -> Parts:
    """Renew what lets us into accounts before it ends, and watch their ends; as many as you like."""
    settings = _settings(runtime)
    registry = RegistryFile(settings.config_dir, settings.platform_urls)
    keys = Keys.of(settings)
    apps, writer = Apps(settings.apps_file, registry.current), Writer(keys, receiver_of(settings), settings)

    async def refreshing(stopping: asyncio.Event) -> None:
        async with AsyncExitStack() as stack:
            https = {
                name: await stack.enter_async_context(
                    HttpClient(spec, contact=settings.contact, deadline=settings.http_seconds)
                )
                for name, spec in platforms.specs().items()
            }
            await runtime.mailbox.due(Refresh(apps, keys, https, writer, settings), AT_ONCE, stopping)

    async def watching(stopping: asyncio.Event) -> None:
        await runtime.mailbox.clock("watch", Watch(keys, settings).tick).run(stopping, longest=OFTEN)

    return Parts(loops={"refresh": refreshing, "watch": watching})


def _addresses(settings: PublisherSettings, spec: Spec) -> Addresses | None:
    """Return what makes public addresses of media; raises WrongSettingError where the platform needs them."""
    try:
        addresses = Addresses.of(settings)
    except ValueError as error:
        raise WrongSettingError("MEDIA_KEY", str(error)) from error
    if addresses is None and spec.pulls:
        raise WrongSettingError("MEDIA_PUBLIC_URL", f"{spec.name} fetches media itself; set it, and MEDIA_KEY")
    return addresses


def _settings(runtime: Runtime) -> PublisherSettings:
    if not isinstance(runtime.settings, PublisherSettings):
        raise TypeError("publisher's processes need publisher's settings")
    return runtime.settings


PROCESSES: Mapping[str, Factory] = {
    "api": api,
    "planner": plan,
    "scheduler": scheduler,
    "worker": worker,
    "refresher": refresher,
}

if __name__ == "__main__":
    main("publisher", PublisherSettings, PROCESSES)
