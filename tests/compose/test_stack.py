"""The samples on the compose stack, judged by the sandbox's ledger: as it starts, with replicas, and after a crash.

The tests go on from one another, in this order.
"""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.local.programs import PROGRAMS, SAMPLES, WORKERS
from deploy.local.rehearsal import Rehearsal, Ringing
from tests.compose.stack import Prometheus, Stack, until

READ_ACCOUNTS = ["exec", "--no-TTY", "publisher-bluesky", "cat", "/var/lib/carillon/accounts/accounts.yaml"]

pytestmark = [pytest.mark.compose, pytest.mark.timeout(900)]


async def test_every_process_is_up_and_seen_by_prometheus(stack: Stack, prometheus: Prometheus) -> None:
    async def all_up() -> bool:
        targets = await prometheus.targets()
        up = {t["labels"].get("process", t["labels"]["job"]) for t in targets if t["health"] == "up"}
        return up == {*PROGRAMS, "rabbitmq", "rabbitmq-queues", "prometheus"} and len(targets) == len(up)

    await until(all_up, "every process is a target of Prometheus, and up")


async def test_no_process_may_more_than_it_needs(stack: Stack) -> None:
    for service in (*PROGRAMS, "sandbox"):
        (container,) = stack.containers(service)
        host = container["HostConfig"]
        assert container["Config"]["User"] == "carillon"
        assert host["ReadonlyRootfs"]
        assert host["CapDrop"] == ["ALL"]
        assert host["SecurityOpt"] == ["no-new-privileges:true"]
        assert host["Memory"] > 0
        assert host["RestartPolicy"]["Name"] == "unless-stopped"


async def test_the_private_key_is_nobodys_but_the_issuers(stack: Stack) -> None:
    for service in PROGRAMS:
        (container,) = stack.containers(service)
        mounted = {mount["Destination"].rpartition("/")[2] for mount in container["Mounts"]}
        assert "keys" not in mounted
        assert ("readers" in mounted) is (service == "metrics-worker")
        assert ("accounts" in mounted) is (service in WORKERS)


async def test_samples_end_as_they_say(ingest: httpx.AsyncClient, sandbox: httpx.AsyncClient) -> None:
    posts = await _rehearse(ingest)
    await _ledger_has_exactly(sandbox, posts)


async def test_samples_with_two_workers_for_each_platform(
    stack: Stack, ingest: httpx.AsyncClient, sandbox: httpx.AsyncClient, prometheus: Prometheus
) -> None:
    _scale(stack, 2)

    async def two_each() -> bool:
        seen = Counter(t["labels"].get("process") for t in await prometheus.targets() if t["health"] == "up")
        return all(seen[name] == 2 for name in WORKERS)

    await until(two_each, "Prometheus finds two workers for each platform by DNS")
    for _ in range(3):
        await _forget(sandbox)  # some platforms refuse the same text twice
        await _ledger_has_exactly(sandbox, await _rehearse(ingest))

    async def shared_out() -> bool:
        tried = await prometheus.ask("query", query='sum by (instance) (carillon_tries_total{platform="bluesky"}) > 0')
        return len(tried["result"]) == 2

    await until(shared_out, "both workers for Bluesky have published something")
    _scale(stack, 1)


def _scale(stack: Stack, workers: int) -> None:
    scales = [word for name in WORKERS for word in ("--scale", f"{name}={workers}")]
    stack.compose("up", "--detach", "--wait", "--no-build", "--no-recreate", *scales)


@pytest.mark.parametrize("service", ["publisher-mastodon", "ingest-worker", "rabbitmq", "postgres"])
async def test_what_crashes_starts_again(
    stack: Stack, ingest: httpx.AsyncClient, sandbox: httpx.AsyncClient, service: str
) -> None:
    await _forget(sandbox)
    rehearsal = Rehearsal(ingest)
    await rehearsal.send()
    stack.kill(service)

    async def well_again() -> bool:
        (container,) = stack.containers(service)
        return (container["RestartCount"], container["State"]["Health"]["Status"]) == (1, "healthy")

    await until(well_again, f"{service} has started again and is healthy")
    await _settled(rehearsal)
    await _ledger_has_exactly(sandbox, rehearsal.posts)


async def test_nothing_is_left_behind(prometheus: Prometheus) -> None:
    async def empty() -> bool:
        left = await prometheus.ask(
            "query",
            query='sum(rabbitmq_detailed_queue_messages{queue=~"carillon.+"}) + sum(carillon_outbox_oldest_seconds)'
            " + sum(carillon_dead_letters)",
        )
        return [value for _, value in (series["value"] for series in left["result"])] == ["0"]

    await until(empty, "queues, dead letters and outboxes are empty")


async def test_real_accounts_replace_the_sandboxes(stack: Stack, tmp_path: Path) -> None:
    accounts = tmp_path / "accounts.yaml"
    accounts.write_text("wikipedia/bluesky: {identifier: wikipedia.org, password: not-a-real-one}\n")
    assert stack.run("accounts", FILE=str(accounts)).startswith("accounts of 1 channels taken")
    assert stack.compose(*READ_ACCOUNTS) == accounts.read_text()
    stack.compose("run", "--rm", "--no-deps", "credentials")
    assert stack.compose(*READ_ACCOUNTS) == accounts.read_text(), "starting again must not bring the sandbox's back"


async def _rehearse(ingest: httpx.AsyncClient) -> Sequence[Ringing]:
    rehearsal = Rehearsal(ingest)
    await rehearsal.send()
    await _settled(rehearsal)
    return rehearsal.posts


async def _settled(rehearsal: Rehearsal) -> None:
    async def look() -> bool:
        try:
            return await rehearsal.look()
        except (httpx.TransportError, httpx.HTTPStatusError):
            return False  # what was killed is not back yet

    try:
        await until(look, "every sample has settled", 180)
    finally:
        wrong = [(p.sample, p.channel, p.state, p.expected, p.why) for p in rehearsal.posts if not p.right]
        assert not wrong, wrong


async def _forget(sandbox: httpx.AsyncClient) -> None:
    (await sandbox.delete("/_ledger")).raise_for_status()


async def _ledger_has_exactly(sandbox: httpx.AsyncClient, posts: Sequence[Ringing]) -> None:
    """Every published post is there once, whole, and nothing else is."""
    entries: list[dict[str, Any]] = (await sandbox.get("/_ledger")).raise_for_status().json()["posts"]
    published = [post for post in posts if post.state == "published"]
    assert Counter((one["platform"], one["id"]) for one in entries if not one["reply_to"]) == Counter(
        (post.channel.partition("/")[2], post.external_id) for post in published
    )
    assert len(entries) == sum(_parts(post.sample) for post in published)
    assert len({(one["platform"], one["id"]) for one in entries}) == len(entries)


def _parts(sample: str) -> int:
    content = json.loads((SAMPLES / "requests" / f"{sample}.json").read_text())["send"]["content"]
    return len(content.get("thread", [content]))
