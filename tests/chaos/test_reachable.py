"""A worker that repeats what it does not know, on purpose: everything runs, and the oracle finds the doubles."""

from random import Random

import pytest

from chaos.oracle import judge
from chaos.running import running_stage
from chaos.scale import Scale
from chaos.servers import running_servers

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

POSTS = 6
SPOILT = 4


async def test_a_blind_worker_is_found_out() -> None:
    with running_servers(clustered=False) as servers:
        chance = Random(7)
        async with running_stage(servers, Scale(), ["threads"], chance=chance, broken="blind") as stage:
            await stage.fault("threads", "accept_then_500", times=SPOILT)
            await stage.ask_many(["wikipedia/threads"], "c7r0", POSTS)
            await stage.must(stage.settled, "every post has come to its end")
            verdict = judge(await stage.evidence())
    assert len(verdict.doubled) >= 1
    assert not verdict.lost
