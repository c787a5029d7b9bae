"""One stage on the servers of the whole run; tests that kill servers set up one of their own."""

from collections.abc import AsyncIterator

import pytest

from deploy.local.rabbit import ForeignRabbit
from deploy.local.rabbit_node import PrivateRabbit
from tests.journey.stage import Stage, running_stage


@pytest.fixture(scope="package")
async def one_stage(database_url: str, rabbit: PrivateRabbit | ForeignRabbit) -> AsyncIterator[Stage]:
    """Started once, for `tests/order.py` keeps its files together, and gone before other tests need the processor."""
    async with running_stage(database_url, rabbit.amqp_url) as running:
        yield running


@pytest.fixture
async def stage(one_stage: Stage) -> Stage:
    """Everything running, and nothing asked yet."""
    await one_stage.stack.ready(one_stage.stack.urls)
    await one_stage.forget()
    return one_stage
