"""The processes of ingest: `python -m services.ingest api`, `… worker`, `… media`, `… migrate`."""

import asyncio
from functools import partial

from services.ingest.accept import Door
from services.ingest.api import application
from services.ingest.api import media as media_api
from services.ingest.ask_again import AskAgain
from services.ingest.change import Changes
from services.ingest.fanout import Channels
from services.ingest.fetch import Larder
from services.ingest.forget import Forget
from services.ingest.handlers import HANDLERS
from services.ingest.prepare import Prepare
from services.ingest.settings import IngestSettings
from services.ingest.uploads import Uploads
from shared.adapter.client import HttpClient
from shared.adapter.commons import Commons, reach
from shared.addresses import Addresses
from shared.channels import RegistryFile
from shared.process import Parts, Runtime, main
from shared.settings import WrongSettingError

__all__ = ["PROCESSES", "api", "media", "worker"]

SWEEP = 600.0
"""Seconds between two looks for what is to be forgotten, at the most."""


async def api(runtime: Runtime) -> Parts:
    """Serve requests, posts and uploads."""
    settings = _settings(runtime)
    channels = Channels(RegistryFile(settings.config_dir), settings.platform_urls)
    app = application(
        settings,
        door=Door(runtime.engine, runtime.mailbox.relay, channels, settings),
        changes=Changes(channels, settings),
        received=Uploads(runtime.sessions, runtime.media, settings),
        mailbox=runtime.mailbox,
        sessions=runtime.sessions,
    )
    return Parts(loops={}, app=app)


async def worker(runtime: Runtime) -> Parts:
    """Prepare media, hear what becomes of the posts, ask again, forget."""
    settings = _settings(runtime)
    channels = Channels(RegistryFile(settings.config_dir), settings.platform_urls)
    mailbox = runtime.mailbox

    async def preparing(stopping: asyncio.Event) -> None:
        within = reach(settings.commons_url, settings.commons_networks)
        async with HttpClient(Commons(), contact=settings.contact, reach=within) as http:
            larder = Larder(runtime.sessions, runtime.media, http, settings)
            await mailbox.due(Prepare(larder, channels, settings), settings.commons_calls, stopping)

    return Parts(
        loops={
            "consume": mailbox.consumer(HANDLERS, patient=HANDLERS).run,
            "prepare": preparing,
            "ask again": mailbox.clock("ask again", AskAgain(settings)).run,
            "forget": partial(mailbox.clock("forget", Forget(settings)).run, longest=SWEEP),
        },
        consumes=True,
    )


async def media(runtime: Runtime) -> Parts:
    """Serve media to platforms that fetch them, at addresses that are signed and end."""
    settings = _settings(runtime)
    try:
        addresses = Addresses.of(settings)
    except ValueError as error:
        raise WrongSettingError("MEDIA_KEY", str(error)) from error
    if addresses is None:
        raise WrongSettingError("MEDIA_PUBLIC_URL", "this process needs it, and MEDIA_KEY")
    return Parts(loops={}, app=media_api.application(runtime.media, addresses))


def _settings(runtime: Runtime) -> IngestSettings:
    assert isinstance(runtime.settings, IngestSettings), "ingest runs on its own settings"
    return runtime.settings


PROCESSES = {"api": api, "worker": worker, "media": media}

if __name__ == "__main__":
    main("ingest", IngestSettings, PROCESSES)
