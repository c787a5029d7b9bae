"""The node that leads a queue dies, of three, under load; it comes back later."""

import asyncio
import time

from chaos.fault import CHANNELS, TWO, Done, Fault, Ground, Measured, Round
from chaos.probe import QUEUE, probing
from chaos.stage import Stage
from shared.mailbox import due_queue, posts_queue

PER_SECOND = 5.0
BEFORE, WITHOUT = 3.0, 10.0
"""Seconds of load before the death, and with two nodes."""
GAP = 10.0
GROUND = Ground(platforms=TWO, replicas=(), clustered=True)


async def once(stage: Stage, go: Round) -> Done:
    """Kill the leader of a queue with SIGKILL; the others elect another."""
    cluster = stage.servers.cluster
    if cluster is None:
        raise RuntimeError("this fault needs a cluster")
    channels = [CHANNELS[platform] for platform in stage.platforms]
    namespace = f"{stage.place.namespace}_probe"
    others = [f"{stage.place.namespace}.{name}" for name in (posts_queue("publisher"), due_queue("bluesky"))]
    victim_of = go.chance.choice([f"{namespace}.{QUEUE}", *others])
    async with probing(stage.place.amqp_url, namespace) as probe, stage.load(channels, go.mark, PER_SECOND):
        await asyncio.sleep(BEFORE)
        await stage.must(lambda: _whole(stage), "every queue has all its members")
        node = await asyncio.to_thread(cluster.leader, victim_of)
        died = time.monotonic()
        await asyncio.to_thread(node.kill)
        await asyncio.sleep(WITHOUT)
        await asyncio.to_thread(node.start)
        await asyncio.sleep(BEFORE)
    await stage.must(stage.settled, "every post has come to its end")
    return Done(
        repeats=1,
        measured=[
            Measured("confirm gap", probe.gap(died), GAP),
            Measured("confirmed and missing", len(probe.missing), 0, ""),
        ],
        notes={"confirmed": len(probe.confirmed), "leader of": victim_of.partition(".")[2]},
    )


async def _whole(stage: Stage) -> bool:
    """Say whether all members of each queue are there: those of a node that has just come back take a while."""
    url = f"{stage.servers.nodes[0].management_url}/api/queues/%2F"
    answer = await stage.http.get(url, params={"columns": "name,type,members,online"})
    quorum = [one for one in answer.raise_for_status().json() if one["type"] == "quorum"]
    return all(len(one.get("online", ())) == len(one["members"]) for one in quorum if "members" in one)


FAULT = Fault("1", "the leader of a queue killed, of three nodes", once, ground=GROUND, short=False, broken="single")
