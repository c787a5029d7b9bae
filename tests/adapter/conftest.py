"""A server that does what it is told, and a client that calls it."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from shared.adapter.client import HttpClient
from shared.adapter.errors import Rejected, TryLater, Unauthorized
from tests.adapter.specs import SMALL
from tests.adapter.wire import Wire, running

NAMED = replace(SMALL, errors={(400, "Expired"): Unauthorized, (400, None): Rejected, (500, "Twice"): TryLater})


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with running() as wire:
        yield wire


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    async with HttpClient(NAMED, contact="https://carillon.example; ops@carillon.example", deadline=0.5) as client:
        yield client
