"""Failpoints: refused outside a rehearsal, free of effect unless chosen, and exact when they are."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import Iterator

import pytest

from shared import failpoints
from shared.failpoints import failpoint

STRUCK = """
import asyncio
from shared import failpoints

async def main():
    failpoints.arm("deliver.after_call:kill@3", rehearsal=True)
    async def come(number):
        await failpoints.failpoint("deliver.before_call", str(number))
        print("passed", number, flush=True)
        await failpoints.failpoint("deliver.after_call", str(number))
        print("survived", flush=True)
    await asyncio.gather(*(come(number) for number in range({number})))

asyncio.run(main())
"""


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    failpoints.arm(None, rehearsal=False)


def test_refused_outside_a_rehearsal() -> None:
    with pytest.raises(ValueError, match="REHEARSAL"):
        failpoints.arm("deliver.after_call:kill@1", rehearsal=False)


@pytest.mark.parametrize(
    "wrong", ["", "deliver:kill@1", "deliver.after_call:sleep@1", "deliver.after_call:kill", "x.y:kill@1"]
)
def test_what_cannot_be_read_is_said(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"deliver\.after_call:kill@8"):
        failpoints.arm(wrong, rehearsal=True)


async def test_nothing_happens_without_one() -> None:
    await failpoint("deliver.after_call", "post")


async def test_only_the_chosen_subject_is_held() -> None:
    failpoints.arm("inbox.handle:hold@60~this", rehearsal=True)
    await failpoint("inbox.handle", "that")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await failpoint("inbox.handle", "that", "this")


@pytest.mark.parametrize("number", [1, 3, 5])
async def test_the_process_ends_when_enough_have_gathered_or_a_moment_later(number: int) -> None:
    script = STRUCK.replace("{number}", str(number))
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=PIPE)
    said, _ = await process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert said.count(b"passed") == min(number, 3)
    assert b"survived" not in said
