"""A process: what it stands on, how it starts, keeps its loops going, says whether it is well, and ends."""

from shared.process.command import main
from shared.process.life import run
from shared.process.migrate import migrate
from shared.process.parts import Factory, Loop, Parts, Runtime, open_runtime

__all__ = ["Factory", "Loop", "Parts", "Runtime", "main", "migrate", "open_runtime", "run"]
