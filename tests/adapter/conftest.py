"""A server that does what it is told, and a client that calls it."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from shared.adapter import transport
from shared.adapter.client import HttpClient
from shared.adapter.errors import PlatformError, Rejected, TryLater, Unauthorized, Uncertain
from tests.adapter.host import CONTACT, Host, Trust, serving
from tests.adapter.specs import SMALL
from tests.adapter.wire import Wire, running

ERRORS: dict[tuple[int | None, str | None], type[PlatformError]] = {
    (400, "Expired"): Unauthorized,
    (400, "Unclear"): Uncertain,
    (400, None): Rejected,
    (500, "Twice"): TryLater,
}
NAMED = replace(SMALL, errors=ERRORS)


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with running() as wire:
        yield wire


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    async with HttpClient(NAMED, contact=CONTACT, deadline=0.5) as client:
        yield client


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    async with serving() as host:
        yield host


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Trust]:
    """Name the only certificate that is believed, in the place where httpx looks for one."""

    def trust(path: Path) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        transport.secured.cache_clear()

    yield trust
    transport.secured.cache_clear()
