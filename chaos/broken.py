"""Processes that are broken on purpose: a fault that does not fail with them proves nothing.

python -m chaos.broken blind services.publisher worker x

blind      looks nothing up, and calls again as if never before
eager      publishes what a message names, whoever has it in hand
amnesiac   takes every message for a new one
impatient  takes "later" for "now"
touchy     takes a database that is away for an error of its own
trusting   takes what was sent for confirmed
single     keeps each queue on one node only
careless   takes what was sent for confirmed, and gives up a connection that is silent
strict     reads no event that says more than it knows
"""

import json
import runpy
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from importlib import import_module
from typing import Any
from uuid import uuid4

Break = Callable[[], None]


def blind() -> None:
    """Every call is a new one to the platform, and no look-up finds anything."""
    from shared import platforms
    from shared.adapter.contract import NotFound

    def change(publisher: Any) -> Any:
        real = publisher.publish

        async def publish(payload: Any, account: Any, attempt: Any, *more: Any) -> Any:
            new = replace(attempt, post=uuid4(), key=uuid4().hex, created_at=datetime.now(UTC), resume={})
            return await real(payload, account, new, *more)

        async def find(*_: Any) -> NotFound:
            return NotFound()

        return _changed(publisher, publish=publish, find=find)

    _wrap(platforms, change)


def eager() -> None:
    """Whatever a message names is claimed, also what somebody has in hand or has done."""
    blind()
    claim: Any = import_module("services.publisher.claim")
    before, wider = "'due', 'pending'", "'due', 'pending', 'attempting', 'published'"
    if before not in claim.CLAIM.text:
        raise RuntimeError("the claim is written otherwise by now: say here how it is widened")
    claim.CLAIM.text = claim.CLAIM.text.replace(before, wider)


def impatient() -> None:
    """A platform that says when to come back is asked again at once."""
    from shared import platforms
    from shared.adapter.errors import TryLater

    def change(publisher: Any) -> Any:
        async def publish(*words: Any) -> Any:
            try:
                return await publisher.publish(*words)
            except TryLater as error:
                raise TryLater(error.reason, after=0.2) from error

        return _changed(publisher, publish=publish)

    _wrap(platforms, change)


def amnesiac() -> None:
    """Every message has an id of its own, whatever it says."""
    consumer: Any = import_module("shared.mailbox.consumer")
    real = consumer.decode
    consumer.decode = lambda *words: real(*words)._replace(id=uuid4())


def touchy() -> None:
    """No trouble passes by itself."""
    from shared import database
    from shared.mailbox import relay, waiting

    for module in (database, relay, waiting):
        module.is_trouble = lambda _: False  # type: ignore[attr-defined]


def strict() -> None:
    """An event with a field more cannot be read."""
    from shared.events import BY_TYPE, UndecodableError

    consumer: Any = import_module("shared.mailbox.consumer")
    real = consumer.decode

    def decode(headers: Mapping[str, Any], body: bytes) -> Any:
        envelope = real(headers, body)
        if more := set(json.loads(body)) - set(BY_TYPE[headers["ce-type"]].model_fields):
            raise UndecodableError(f"nobody knows {', '.join(more)}")
        return envelope

    consumer.decode = decode


def trusting() -> None:
    """Whatever was sent counts as confirmed."""
    from shared.bus.publishing import Publisher

    real = Publisher.publish

    async def publish(self: Any, messages: Any) -> set[str]:
        await real(self, messages)
        return {message.id for message in messages}

    Publisher.publish = publish  # type: ignore[method-assign]


def single() -> None:
    """A queue has no copies."""
    from shared.bus import topology

    one = {"x-quorum-initial-group-size": 1}
    real = topology.arguments
    topology.arguments = lambda *words: real(*words) | one
    topology.LETTERS = topology.LETTERS | one


def careless() -> None:
    """Whatever was sent counts as confirmed, and a connection on which no answer comes is given up."""
    publisher: Any = import_module("shared.bus.publishing").Publisher
    real = publisher.publish

    async def publish(self: Any, messages: Any) -> set[str]:
        confirmed = await real(self, messages)
        connection = vars(vars(self)["_link"])["_connection"]
        if connection and len(confirmed) < len(messages):
            vars(connection.wire)["_writer"].transport.abort()
        return {message.id for message in messages}

    publisher.publish = publish


OF_SUITE = frozenset({"single"})
"""Ways in which the suite's own caller of the broker is broken, too: it is the one that is measured."""
OF_WORKERS = frozenset({"blind", "eager", "impatient"})
WAYS: Mapping[str, Break] = {
    "trusting": trusting,
    "single": single,
    "careless": careless,
    "blind": blind,
    "eager": eager,
    "impatient": impatient,
    "amnesiac": amnesiac,
    "touchy": touchy,
    "strict": strict,
}


@contextmanager
def in_suite(way: str | None) -> Iterator[None]:
    """Break the suite's own process for the length of a block, where the way wants that."""
    topology: Any = import_module("shared.bus.topology")
    kept = topology.arguments, topology.LETTERS
    if way in OF_SUITE:
        WAYS[str(way)]()
    try:
        yield
    finally:
        topology.arguments, topology.LETTERS = kept


def _wrap(platforms: Any, change: Callable[[Any], Any]) -> None:
    real = platforms.publisher_of
    platforms.publisher_of = lambda platform: change(real(platform))


def _changed(publisher: Any, **methods: Any) -> Any:
    class Changed:
        def __getattr__(self, name: str) -> Any:
            return methods.get(name) or getattr(publisher, name)

    return Changed()


if __name__ == "__main__":
    way, module, *words = sys.argv[1:]
    WAYS[way]()
    sys.argv = [module, *words]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
