"""The command line of a service: `python -m services.<service> <process> …`."""

import argparse
import asyncio
import gc
import inspect
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn, TypeVar

import structlog
import uvloop
from pydantic import ValidationError
from pydantic_settings import SettingsError

from shared import failpoints, telemetry
from shared.process.life import run
from shared.process.migrate import migrate
from shared.process.parts import Factory, open_runtime
from shared.settings import Settings, WrongSettingError

log = structlog.get_logger()

S = TypeVar("S", bound=Settings)

MIGRATE = "migrate"
WRONG_USE = 2


def main(
    service: str, settings: type[Settings], processes: Mapping[str, Factory], arguments: Sequence[str] | None = None
) -> None:
    """Run what the command line names: one of the processes until it is told to stop, or `migrate`.

    What a factory takes after the runtime is given on the command line, by position. Ends with status 2 and a sentence
    when a name or a setting is wrong.
    """
    asked = vars(_parser(service, processes).parse_args(arguments))
    name = asked.pop("process")
    try:
        chosen = _read(settings)
        telemetry.configure(service, "-".join([name, *asked.values()]), chosen)
        _rehearse(chosen)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            if name == MIGRATE:
                runner.run(migrate(service, chosen))
            else:
                runner.run(_live(service, chosen, name, processes[name], asked))
    except WrongSettingError as error:
        _refuse(str(error))


async def _live(service: str, settings: Settings, name: str, factory: Factory, asked: Mapping[str, str]) -> None:
    stopping = asyncio.Event()
    _listen_to_signals(stopping)
    runtime = open_runtime(service, settings)
    try:
        parts = await factory(runtime, **asked)
        _settle_memory()
        await run(parts, runtime, "-".join([name, *asked.values()]), stopping=stopping)
    finally:
        await runtime.close()


def _settle_memory() -> None:
    """Take what the start has loaded out of the garbage collector's sight: it stays for the process's whole life.

    A full collection walks all of it, with the process standing still: 50 to 240 ms at a time, seen by every post that
    was on its way.
    """
    gc.collect()
    gc.freeze()


def _listen_to_signals(stopping: asyncio.Event) -> None:
    """SIGTERM or SIGINT: end in order; a second one: end at once."""
    loop = asyncio.get_running_loop()

    def hear(number: signal.Signals) -> None:
        if stopping.is_set():
            log.error("told to stop again: ending at once", signal=number.name)
            sys.stdout.flush()
            os._exit(128 + number)
        log.info("told to stop", signal=number.name)
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, hear, number)


def _parser(service: str, processes: Mapping[str, Factory]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m services.{service}", description=f"The processes of {service}.")
    names = parser.add_subparsers(dest="process", required=True, metavar="process", title="processes")
    for name, factory in processes.items():
        told = (inspect.getdoc(factory) or name).splitlines()[0]
        sub = names.add_parser(name, help=told, description=told)
        for parameter in list(inspect.signature(factory).parameters.values())[1:]:
            optional = parameter.default is not parameter.empty
            sub.add_argument(parameter.name, nargs="?" if optional else None, default=parameter.default)
    names.add_parser(MIGRATE, help="Make the database if need be, and bring its tables up to date.")
    return parser


def _read(kind: type[S]) -> S:
    """Read the settings; raises WrongSettingError, which names all that are wrong and repeats no value."""
    try:
        return kind()
    except ValidationError as error:
        wrong = [(".".join(map(str, e["loc"])).upper(), str(e["msg"])) for e in error.errors(include_input=False)]
        (name, remedy), *others = wrong
        more = "".join(f"\n{n}: {r}" for n, r in others)
        raise WrongSettingError(name, f"{remedy}{more}\ndocs/settings.md tells what each setting takes") from None
    except SettingsError as error:
        raise WrongSettingError("environment", str(error)) from None


def _rehearse(settings: Settings) -> None:
    try:
        failpoints.arm(settings.failpoint, rehearsal=settings.rehearsal)
    except ValueError as error:
        raise WrongSettingError("FAILPOINT", str(error)) from error


def _refuse(sentence: str) -> NoReturn:
    print(telemetry.scrub(sentence), file=sys.stderr)
    raise SystemExit(WRONG_USE)
