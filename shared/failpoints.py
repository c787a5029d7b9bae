"""Points at which a rehearsal interrupts a process: `FAILPOINT` chooses one, and `REHEARSAL` must say that it is one.

    FAILPOINT=deliver.after_call:kill@8

The process ends as by a power cut once eight posts have gathered at that point, or a second after the first of them.

    <act>.before_claim    a message woke the act, nothing is written yet
    <act>.before_call     the claim is committed, nothing is sent yet
    <act>.after_call      the world has answered, nothing of it is written yet
    <act>.before_commit   the outcome is written, not committed
    <act>.after_commit    it is committed, and nobody has heard of it
    relay.after_confirm   the broker has the events, the outbox does not know
    inbox.handle          an event is about to be handled

    kill@N   end with SIGKILL when N have gathered
    stop@N   stop with SIGSTOP when N have gathered; whoever goes on after SIGCONT is not stopped again
    hold@S   everyone who comes waits S seconds
    pause@S  the first who comes waits S seconds
    …~TEXT   only those whose subject (a post's id) is TEXT
"""

import asyncio
import os
import re
import signal
import sys
from collections.abc import Sequence

import structlog

log = structlog.get_logger()

GATHER_SECONDS = 1.0
BEATS = ("before_claim", "before_call", "after_call", "before_commit", "after_commit")
"""Where an act can be interrupted."""
POINTS = ("relay.after_confirm", "inbox.handle")
FORM = re.compile(
    rf"(\w+\.(?:{'|'.join(BEATS)})|{'|'.join(map(re.escape, POINTS))}):(kill|stop|hold|pause)@(\d+)(?:~(\S+))?"
)
WAITS = frozenset({"hold", "pause"})
SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}


class Failpoint:
    """What is to happen at one point."""

    def __init__(self, point: str, act: str, number: int, subject: str | None = None) -> None:
        self.point = point
        self._act = act
        self._number = number
        self._subject = subject
        self._gathered = 0
        self._struck = False

    async def reached(self, subjects: Sequence[str]) -> None:
        """Take those who come to the point."""
        if self._subject is not None and self._subject not in subjects:
            return
        self._gathered += max(1, len(subjects))
        if self._act in WAITS:
            await self._wait()
            return
        if self._gathered < self._number:
            await asyncio.sleep(GATHER_SECONDS)
        self._strike()

    async def _wait(self) -> None:
        if self._struck and self._act == "pause":
            return
        self._struck = True
        log.warning("failpoint", point=self.point, act=self._act, gathered=self._gathered)
        await asyncio.sleep(self._number)

    def _strike(self) -> None:
        if self._struck:
            return
        self._struck = True
        log.warning("failpoint", point=self.point, act=self._act, gathered=self._gathered)
        sys.stdout.flush()
        os.kill(os.getpid(), SIGNALS[self._act])


_armed: Failpoint | None = None


def arm(failpoint: str | None, *, rehearsal: bool) -> None:
    """Have this process interrupted as written; None disarms. Raises ValueError, which says what to write."""
    global _armed  # noqa: PLW0603 - one process, one failpoint
    _armed = None
    if failpoint is None:
        return
    if not rehearsal:
        raise ValueError("a failpoint ends the process: unset it, or set REHEARSAL=true where no real account is")
    if (match := FORM.fullmatch(failpoint)) is None:
        raise ValueError("write a point, an act and a number, such as deliver.after_call:kill@8")
    point, act, number, subject = match.groups()
    _armed = Failpoint(point, act, int(number), subject)


async def failpoint(point: str, *subjects: str) -> None:
    """Pass a point; without a rehearsal, nothing happens here."""
    if _armed is not None and _armed.point == point:
        await _armed.reached(subjects)
