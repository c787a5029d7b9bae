"""Start one of policy's processes: `python -m services.policy worker`."""

import asyncio
from collections.abc import Mapping

from services.policy.gather import Gather
from services.policy.handlers import TERMINAL, Desk, handlers
from services.policy.judge import Pack
from services.policy.rules import pack_of
from services.policy.settings import PolicySettings
from services.policy.sources.commons import Commons
from shared.adapter import commons
from shared.adapter.client import HttpClient
from shared.channels import RegistryFile
from shared.mailbox import posts_queue
from shared.process import Factory, Parts, Runtime, main


async def api(runtime: Runtime) -> Parts:
    """Answer what was decided, and why."""
    from services.policy.api import make_app  # with FastAPI, which no other process loads

    return Parts(loops={}, app=make_app(runtime))


async def worker(runtime: Runtime) -> Parts:
    """Judge what is requested, look facts up, renew approvals or take them back; as many as you like."""
    settings = _settings(runtime)
    registry = RegistryFile(settings.config_dir)
    nudge = asyncio.Event()

    def pack() -> Pack:
        return pack_of(registry.current())

    async def looks(stopping: asyncio.Event) -> None:
        reach = commons.reach(settings.commons_url, settings.commons_networks)
        async with HttpClient(commons.Commons(), contact=settings.contact, reach=reach) as http:
            gather = Gather(Commons(http, settings.commons_url), pack, settings)
            await runtime.mailbox.due(gather, settings.lookup_calls, stopping, nudge)

    consumer = runtime.mailbox.consumer(handlers(Desk(pack, nudge, settings)), patient=TERMINAL)
    letters = runtime.mailbox.dead_letters(posts_queue("policy"))
    return Parts(loops={"consumer": consumer.run, "gather": looks, "dead letters": letters.run}, consumes=True)


def _settings(runtime: Runtime) -> PolicySettings:
    if not isinstance(runtime.settings, PolicySettings):
        raise TypeError("policy's processes need policy's settings")
    return runtime.settings


PROCESSES: Mapping[str, Factory] = {"api": api, "worker": worker}

if __name__ == "__main__":
    main("policy", PolicySettings, PROCESSES)
