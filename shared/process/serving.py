"""The HTTP server of a process: uvicorn, which here neither owns the process's signals nor ends it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import structlog
import uvicorn
from starlette.applications import Starlette

from shared.settings import Settings, WrongSettingError

log = structlog.get_logger()

DRAIN = 10
"""Seconds that requests under way may take after the server has stopped accepting."""
KEEP_ALIVE = 65
"""Seconds that an idle connection is kept: longer than the 60 of common load balancers, so that these close first."""


class _Server(uvicorn.Server):
    """Leaves SIGTERM and SIGINT to the process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving(app: Starlette, settings: Settings) -> AsyncIterator[str]:
    """Serve an application inside the block, and finish its requests at the end; gives the address.

    Raises WrongSettingError when the address cannot be had.
    """
    listener = _listen(settings)
    config = uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=min(DRAIN, max(1, int(settings.shutdown_seconds))),
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]), name="http server")
    try:
        host, port = listener.getsockname()[:2]
        address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        log.info("listening", address=address)
        yield address
    finally:
        server.should_exit = True
        await asyncio.wait([task])
        listener.close()
    task.result()


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=2048)
    except OSError as error:
        where = f"{settings.host}:{settings.port}"
        raise WrongSettingError("HOST and PORT", f"{where} cannot be had ({error.strerror}); choose another") from error
