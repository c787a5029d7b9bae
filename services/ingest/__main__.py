"""The processes of ingest: `python -m services.ingest api`, `… worker`, `… media`, `… migrate`."""

import asyncio
from functools import partial

from services.ingest.ask_again import AskAgain
from services.ingest.fanout import Channels
from services.ingest.fetch import Larder
from services.ingest.forget import Forget
from services.ingest.handlers import HANDLERS
from services.ingest.limits import EVERY, OwnLimits
from services.ingest.prepare import Prepare
from services.ingest.settings import IngestSettings
from shared.adapter.client import HttpClient
from shared.adapter.commons import Commons, reach
from shared.addresses import Addresses
from shared.channels import RegistryFile
from shared.mailbox import posts_queue
from shared.process import Loop, Parts, Runtime, main
from shared.settings import WrongSettingError

__all__ = ["PROCESSES", "api", "media", "worker"]

SWEEP = 600.0
"""Seconds between two looks for what is to be forgotten, at the most."""


async def api(runtime: Runtime) -> Parts:
    """Serve requests, posts and uploads."""
    from services.ingest.accept import Door  # this and what follows with FastAPI, which the worker does not load
    from services.ingest.api import application
    from services.ingest.change import Changes
    from services.ingest.uploads import Uploads

    settings = _settings(runtime)
    channels, limits = _channels(runtime)
    app = application(
        settings,
        door=Door(runtime.engine, runtime.mailbox.relay, channels, settings),
        changes=Changes(channels, settings),
        received=Uploads(runtime.sessions, runtime.media, settings),
        mailbox=runtime.mailbox,
        sessions=runtime.sessions,
    )
    return Parts(loops={"limits": limits}, app=app)


async def worker(runtime: Runtime) -> Parts:
    """Prepare media, hear what becomes of the posts, ask again, forget."""
    settings = _settings(runtime)
    channels, limits = _channels(runtime)
    mailbox = runtime.mailbox

    async def preparing(stopping: asyncio.Event) -> None:
        within = reach(settings.commons_url, settings.commons_networks)
        async with HttpClient(Commons(), contact=settings.contact, reach=within) as http:
            larder = Larder(runtime.sessions, runtime.media, http, settings)
            await mailbox.due(Prepare(larder, channels, settings), settings.commons_calls, stopping)

    return Parts(
        loops={
            "consume": mailbox.consumer(HANDLERS, patient=HANDLERS).run,
            "dead letters": mailbox.dead_letters(posts_queue("ingest")).run,
            "prepare": preparing,
            "ask again": mailbox.clock("ask again", AskAgain(settings)).run,
            "limits": limits,
            "forget": partial(mailbox.clock("forget", Forget(settings)).run, longest=SWEEP),
        },
        consumes=True,
    )


async def media(runtime: Runtime) -> Parts:
    """Serve media to platforms that fetch them, at addresses that are signed and end."""
    from services.ingest.api.media import application

    settings = _settings(runtime)
    try:
        addresses = Addresses.of(settings)
    except ValueError as error:
        raise WrongSettingError("MEDIA_KEY", str(error)) from error
    if addresses is None:
        raise WrongSettingError("MEDIA_PUBLIC_URL", "this process needs it, and MEDIA_KEY")
    return Parts(loops={}, app=application(runtime.media, addresses))


def _channels(runtime: Runtime) -> tuple[Channels, Loop]:
    """Return the channels, and the loop that keeps what their accounts allow up to date."""
    settings, own = _settings(runtime), OwnLimits()
    channels = Channels(RegistryFile(settings.config_dir), settings.platform_urls, own)
    return channels, partial(runtime.mailbox.clock("limits", own.look).run, longest=EVERY)


def _settings(runtime: Runtime) -> IngestSettings:
    assert isinstance(runtime.settings, IngestSettings), "ingest runs on its own settings"
    return runtime.settings


PROCESSES = {"api": api, "worker": worker, "media": media}

if __name__ == "__main__":
    main("ingest", IngestSettings, PROCESSES)
