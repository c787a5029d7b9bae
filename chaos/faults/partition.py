"""One node is cut off from the two others; then only from one of them: a partial partition."""

import asyncio
import time

import httpx

from chaos.fault import CHANNELS, Done, Fault, Measured, Round
from chaos.faults.leader import GROUND, PER_SECOND
from chaos.probe import probing
from chaos.stage import Stage
from deploy.local.rabbit_node import PrivateRabbit
from shared.mailbox import SERVICES, due_queue, posts_queue

APART = 60.0
"""Seconds in production's time; here never less than `LEAST`, for a node takes a while to see that it is alone."""
LEAST = 15.0
GAP, BACK = 15.0, 60.0
ALL_RAFT = (4, 0)
"""From here on a partial partition costs no majority its service."""


async def once(stage: Stage, go: Round) -> Done:
    """Part and heal, twice."""
    cluster = stage.servers.cluster
    if cluster is None:
        raise RuntimeError("this fault needs a cluster")
    apart = max(LEAST, stage.scale.seconds(APART))
    channels = [CHANNELS[platform] for platform in stage.platforms]
    alone, *others = go.chance.sample(cluster.nodes, len(cluster.nodes))
    figures = []
    async with probing(stage.place.amqp_url, f"{stage.place.namespace}_probe") as probe:
        for name, away in (("isolated", others), ("partial", others[:1])):
            async with stage.load(channels, f"{go.mark}{name[0]}", PER_SECOND):
                await asyncio.sleep(2)
                began = time.monotonic()
                await asyncio.to_thread(cluster.part, alone, *away)
                if name == "isolated":
                    await stage.must(lambda: _missed(stage, alone, others[0]), "a node is missed by the others", apart)
                await asyncio.sleep(max(0.0, began + apart - time.monotonic()))
                healed = time.monotonic()
                await asyncio.to_thread(cluster.heal, alone, *away)
                await stage.must(lambda: _heard(stage), "every queue has consumers", BACK * 2)
                back = time.monotonic() - healed
            gap = probe.gap(began)
            limit = GAP if name == "isolated" or alone.release >= ALL_RAFT else apart + BACK
            figures += [Measured(f"confirm gap, {name}", gap, limit), Measured(f"consumers back, {name}", back, BACK)]
        await stage.must(stage.settled, "every post has come to its end")
    return Done(
        repeats=2,
        measured=[*figures, Measured("confirmed and missing", len(probe.missing), 0, "")],
        notes={"confirmed": len(probe.confirmed)},
    )


async def _missed(stage: Stage, node: PrivateRabbit, by: PrivateRabbit) -> bool:
    """Say whether a node is not running as another one sees it."""
    answer = await stage.http.get(f"{by.management_url}/api/nodes", params={"columns": "name,running"})
    return answer.is_success and not any(one["running"] for one in answer.json() if one["name"] == node.name)


async def _heard(stage: Stage) -> bool:
    """Say whether some node sees a consumer at every queue that this stage has somebody for."""
    names = [posts_queue(service) for service in SERVICES] + [due_queue(platform) for platform in stage.platforms]
    wanted = {f"{stage.place.namespace}.{name}" for name in names}
    for node in stage.servers.nodes:
        try:
            url = f"{node.management_url}/api/queues/%2F"
            answer = await stage.http.get(url, params={"columns": "name,consumers"}, timeout=5)
        except httpx.HTTPError:
            continue
        if answer.is_success and wanted <= {one["name"] for one in answer.json() if one.get("consumers")}:
            return True
    return False


FAULT = Fault("4", "a node isolated, then a partial partition", once, 6, ground=GROUND, short=False, broken="trusting")
