"""A process from its start to its end."""

import asyncio
import signal
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from shared.bus.amqp import AmqpBus
from shared.mailbox import posts_queue, topology
from shared.process import Parts, open_runtime, run
from shared.process.loops import sleep_unless
from shared.settings import Settings, WrongSettingError
from tests.bus.waiting import until_depth
from tests.process.conftest import AWAY, MakeTables, Start, until


async def test_a_process_told_to_stop_finishes_its_work_and_sends_what_followed(
    start: Start, tables: MakeTables, tmp_path: Path, amqp_url: str, environment: dict[str, str]
) -> None:
    await tables()
    process = await start("patient", str(tmp_path / "leave"), AMQP_URL=amqp_url)
    await process.readiness("ready")
    bus = AmqpBus(amqp_url, environment["NAMESPACE"])
    try:
        await bus.declare(topology([]))
        process.process.send_signal(signal.SIGTERM)
        assert await process.readiness("stopping") == []
        assert process.lines("finished") == []
        (tmp_path / "leave").touch()
        assert await process.ended() == 0, process.said
        assert process.lines("finished")
        await until_depth(bus, posts_queue("ingest"), 1)
        assert "error" not in {line["level"] for line in process.lines("ended")}
    finally:
        await bus.drop()
        await bus.close()


async def test_a_second_signal_ends_it_at_once(start: Start, tables: MakeTables) -> None:
    await tables()
    process = await start("stubborn")
    await process.readiness("ready")
    process.process.send_signal(signal.SIGTERM)
    await process.readiness("stopping")
    process.process.send_signal(signal.SIGINT)
    assert await process.ended() == 128 + signal.SIGINT


async def test_work_that_does_not_finish_in_time_is_cancelled_and_said(start: Start, tables: MakeTables) -> None:
    await tables()
    process = await start("stubborn", SHUTDOWN_SECONDS="0.5")
    await process.readiness("ready")
    process.process.send_signal(signal.SIGTERM)
    assert await process.ended() == 0, process.said
    (line,) = process.lines("cancelled: it did not finish in time")
    assert (line["level"], line["loop"], line["service"], line["process"]) == (
        "error",
        "stubborn",
        "ingest",
        "stubborn",
    )


async def test_it_answers_while_it_waits_for_its_database(start: Start, tables: MakeTables) -> None:
    process = await start("stubborn")
    assert await process.readiness("starting") == ["database"]
    await tables()
    await process.readiness("ready")


async def test_it_can_be_stopped_while_it_waits(start: Start) -> None:
    process = await start("listener")
    assert await process.readiness("starting") == ["database", "broker"]
    process.process.send_signal(signal.SIGTERM)
    assert await process.ended() == 0, process.said
    assert "hunter2hunter2" not in process.said


async def test_only_who_hears_messages_waits_for_the_broker(start: Start, tables: MakeTables) -> None:
    await tables()
    listener, other = await start("listener"), await start("stubborn")
    await other.readiness("ready")
    await until(
        lambda: any(line["missing"] == ["broker"] for line in listener.lines("waiting")), "the listener to wait"
    )
    assert await listener.readiness("starting") == ["broker"]


async def test_many_processes_live_in_one_loop(
    tables: MakeTables, database_url: str, environment: dict[str, str]
) -> None:
    await tables()
    settings = Settings(
        database_url=database_url, namespace=environment["NAMESPACE"], amqp_url=AWAY, media_url="memory:///"
    )
    stopping = asyncio.Event()
    addresses: list[str] = []
    worked: set[str] = set()

    async def live(name: str) -> None:
        async def work(stopping: asyncio.Event) -> None:
            worked.add(name)
            await stopping.wait()

        runtime = open_runtime("ingest", settings)
        parts = Parts(loops={name: work}, ready={"own": lambda: asyncio.sleep(0, name == "first")})
        await run(parts, runtime, name, stopping=stopping, listening=addresses.append)
        await runtime.close()

    async with asyncio.TaskGroup() as tasks:
        for name in ("first", "second"):
            tasks.create_task(live(name))
        await until(lambda: worked == {"first", "second"}, "both to work")
        assert len({urlsplit(address).port for address in addresses}) == 2
        async with httpx.AsyncClient() as client:
            answers = [(await client.get(f"{address}/readyz")).json() for address in addresses]
            metrics = (await client.get(f"{addresses[0]}/metrics")).text
        assert sorted(answer["status"] for answer in answers) == ["ready", "unready"]
        assert {"status": "unready", "missing": ["own"]} in answers
        assert 'carillon_loop_running{loop="first",service="ingest"} 1.0' in metrics
        stopping.set()


async def test_a_sleep_ends_when_the_process_does() -> None:
    stopping = asyncio.Event()
    async with asyncio.timeout(5):
        sleeping = asyncio.create_task(sleep_unless(stopping, 60))
        await asyncio.sleep(0)
        stopping.set()
        await sleeping


@pytest.mark.parametrize(("name", "value"), [("media_url", "ftp://x"), ("amqp_url", "http://x")])
def test_a_setting_that_cannot_be_used_is_named(name: str, value: str) -> None:
    with pytest.raises(WrongSettingError, match=name.upper()):
        open_runtime("ingest", Settings.model_validate({"media_url": "memory:///", name: value}))
