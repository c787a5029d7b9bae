"""What the command line says to who gets it wrong."""

import socket

from tests.process.conftest import Start


async def test_help_lists_the_processes(start: Start) -> None:
    process = await start("--help")
    assert await process.ended() == 0
    for told in ("patient", "Wait for its end, then for a file", "stubborn", "Never end by itself.", "migrate"):
        assert told in process.said


async def test_an_unknown_process(start: Start) -> None:
    process = await start("nobody")
    assert await process.ended() == 2
    assert "'nobody'" in process.said
    assert "patient" in process.said


async def test_a_process_that_needs_one_more_word(start: Start) -> None:
    process = await start("patient")
    assert await process.ended() == 2
    assert "leave" in process.said


async def test_wrong_settings_are_all_named_and_none_is_repeated(start: Start) -> None:
    process = await start("stubborn", PORT="hunter2hunter2", LOG_LEVEL="LOUD", SHUTDOWN_SECONDS="0")
    assert await process.ended() == 2
    for told in ("PORT: ", "LOG_LEVEL: ", "SHUTDOWN_SECONDS: ", "docs/settings.md"):
        assert told in process.said
    assert "hunter2hunter2" not in process.said
    assert "Traceback" not in process.said


async def test_an_address_that_is_taken(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        process = await start("stubborn", PORT=str(port))
        assert await process.ended() == 2
    assert f"HOST and PORT: 127.0.0.1:{port}" in process.said
    assert "Traceback" not in process.said
