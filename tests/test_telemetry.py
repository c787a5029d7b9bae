"""Log lines say where they come from, and never what must stay secret."""

import asyncio
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from shared import telemetry
from shared.settings import Settings

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Iterator[Lines]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    telemetry.configure("policy", "gather", Settings())
    yield lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    root.handlers[:], root.level = before, level
    structlog.reset_defaults()
    telemetry.stand("", "")


def test_every_line_names_its_place_its_trace_and_its_post(lines: Lines) -> None:
    with telemetry.following("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", post="p1") as traceparent:
        structlog.get_logger().info("asked", url="https://example.org")
        logging.getLogger("library").warning("said %s", "so")
        assert telemetry.current_traceparent() == traceparent
    structlog.get_logger().info("after")
    ours, theirs, after = lines()
    for line in (ours, theirs):
        assert (line["service"], line["process"], line["post"]) == ("policy", "gather", "p1")
        assert line["trace"] == "0af7651916cd43dd8448eb211c80319c"
        assert line["time"].endswith("Z")
    assert (ours["level"], ours["event"]) == ("info", "asked")
    assert (theirs["level"], theirs["event"], theirs["logger"]) == ("warning", "said so", "library")
    assert "trace" not in after
    assert telemetry.current_traceparent() is None


@pytest.mark.parametrize("unreadable", [None, "", "nonsense", "00-" + "0" * 32 + "-b7ad6b7169203331-01"])
def test_without_a_readable_trace_a_new_one_begins(unreadable: str | None) -> None:
    with telemetry.following(unreadable) as traceparent:
        assert telemetry.TRACEPARENT.fullmatch(traceparent)


async def test_processes_in_one_loop_do_not_speak_for_each_other(lines: Lines) -> None:
    async def speak(process: str) -> None:
        telemetry.stand("ingest", process)
        await asyncio.sleep(0)
        structlog.get_logger().info("hello")

    await asyncio.gather(speak("api"), speak("prepare"))
    assert [line["process"] for line in lines()] == ["api", "prepare"]


SECRET = "hunter2hunter2"


@pytest.mark.parametrize(
    "said",
    [
        {"token": SECRET},
        {"access_token": SECRET},
        {"headers": {"Authorization": f"Bearer {SECRET}"}},
        {"nested": [{"db_password": SECRET}]},
        {"reason": f"Authorization: Bearer {SECRET} was refused"},
        {"url": f"postgresql://carillon:{SECRET}@localhost/x"},
        {"url": f"https://example.org/?access_token={SECRET}&page=2"},
        {"reason": f"got eyJhbGciOiJFZERTQSJ9.{SECRET}.{SECRET}"},
        {"body": f'{{"accessJwt": 1, "password": "{SECRET}"}}'},
        {"error": ValueError(f"secret={SECRET}")},
    ],
)
def test_secrets_are_taken_out(lines: Lines, said: dict[str, Any]) -> None:
    structlog.get_logger().info("line", **said)
    logging.getLogger("library").info("line %s", said)
    try:
        raise ValueError(f"could not log in with password={SECRET}")
    except ValueError:
        structlog.get_logger().exception("failed")
    found = lines()
    assert len(found) == 3
    assert SECRET not in json.dumps(found)
    assert telemetry.REDACTED in json.dumps(found[0])


def test_what_is_no_secret_stays(lines: Lines) -> None:
    structlog.get_logger().info("line", url="https://example.org/a:b@c?page=2", tokens_left=3, post="p")
    (line,) = lines()
    assert (line["url"], line["tokens_left"]) == ("https://example.org/a:b@c?page=2", 3)


def test_less_than_the_level_is_not_said(lines: Lines) -> None:
    structlog.get_logger().debug("too much")
    logging.getLogger("library").debug("too much")
    assert lines() == []
