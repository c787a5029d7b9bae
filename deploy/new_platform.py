"""`make new-platform name=…`: the files of a platform that is still to be written, adapter, sandbox and tests.

The conformance suite finds the folder, and fails until what is in it does what every platform does.
"""

import argparse
import re
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
NAME = re.compile(r"[a-z][a-z0-9]{1,30}")

FILES: Mapping[str, str] = {
    "shared/platforms/{name}/__init__.py": '''"""{title}."""

from shared.platforms.{name}.spec import SPEC

__all__ = ["SPEC"]
''',
    "shared/platforms/{name}/spec.py": '''"""{title} as data: beside each figure the page that gives it."""

from datetime import timedelta

from shared.adapter.errors import TryLater, Unauthorized
from shared.adapter.spec import Absence, Pace, Repeat, Spec, TextLimit, Unit
from shared.content import Kind

SPEC = Spec(
    name="{name}",
    text=(TextLimit(500, Unit.GRAPHEMES),),
    kinds=frozenset({{Kind.POST}}),
    images=None,
    repeat=Repeat.UNSAFE,
    absence=Absence.ASK,
    pace=(Pace(100, timedelta(days=1)),),
    metrics={{"likes": "likes"}},
    errors={{(401, None): Unauthorized, (429, None): TryLater}},
)
''',
    "shared/platforms/{name}/publish.py": '''"""Publishing on {title}."""

from collections.abc import Sequence

from shared.adapter.contract import Account, Attempt, Http, Media, NotFound, Pending, Progress, Published
from shared.payload import Payload


async def publish(
    payload: Payload, account: Account, attempt: Attempt, http: Http, media: Media, progress: Progress
) -> Published | Pending:
    """Make the payload public, going on from `attempt.resume`."""
    raise NotImplementedError


async def find(payload: Payload, account: Account, attempt: Attempt, http: Http) -> Published | Pending | NotFound:
    """Look whether an earlier try made it."""
    raise NotImplementedError


async def delete(external_ids: Sequence[str], account: Account, http: Http) -> None:
    """Take a post down."""
    raise NotImplementedError


async def edit(external_id: str, payload: Payload, account: Account, http: Http) -> Published:
    """Change a public post's text."""
    raise NotImplementedError
''',
    "shared/platforms/{name}/measure.py": '''"""Measuring on {title}."""

from collections.abc import Sequence
from datetime import datetime

from shared.adapter.contract import Account, Heard, Http, Measured, People


async def measure(external_ids: Sequence[str], account: Account, http: Http) -> Sequence[Measured]:
    """Return the figures of those posts that are there."""
    raise NotImplementedError


async def followers(account: Account, http: Http) -> int:
    """Return how many follow the account now."""
    raise NotImplementedError


async def people(account: Account, http: Http) -> People:
    """Return who follows the account."""
    raise NotImplementedError


async def heard(since: datetime, account: Account, http: Http) -> Sequence[Heard]:
    """Return the replies, mentions and quotes since then, oldest first."""
    raise NotImplementedError
''',
    "shared/platforms/{name}/connect.py": '''"""Being let in by {title}."""

from collections.abc import Mapping

from shared.adapter.contract import Account, Http
from shared.adapter.oauth import App, Grant


async def verify(account: Account, http: Http) -> str:
    """Return the handle that the account's secrets open."""
    raise NotImplementedError


async def limits(account: Account, http: Http) -> Mapping[str, int]:
    """Return the limits that the account has of its own."""
    raise NotImplementedError


def start(app: App, state: str, verifier: str) -> str:
    """Return the address at which the account's owner lets us in."""
    raise NotImplementedError


async def exchange(app: App, code: str, verifier: str, http: Http) -> Grant:
    """Return what the code of the redirect is worth."""
    raise NotImplementedError


async def refresh(app: App, grant: Grant, http: Http) -> Grant:
    """Return a grant with later ends."""
    raise NotImplementedError


async def revoke(app: App, grant: Grant, http: Http) -> None:
    """Give the grant back."""
    raise NotImplementedError
''',
    "deploy/sandbox/platforms/{name}/__init__.py": '''"""{title}; an account's token is `sandbox-` and its name."""

from deploy.sandbox.quotas import Standing
from deploy.sandbox.wire import Answer, Call, Platform, json_answer
from deploy.sandbox.world import World


def open_platform(world: World) -> Platform:
    """Return this stand-in."""
    return Platform("{name}", "nothing yet", (), Refusals(), {{}}, lambda: None)


class Refusals:
    """How {title} says no: write its own bodies and headers here."""

    def not_found(self, call: Call) -> Answer:
        """Answer for an unknown address."""
        return json_answer({{"error": "not found"}}, 404)

    def wrong_method(self, call: Call, allowed: str) -> Answer:
        """Answer for a wrong method."""
        return json_answer({{"error": "wrong method"}}, 405)

    def malformed(self, call: Call, reason: str) -> Answer:
        """Answer for an unreadable body."""
        return json_answer({{"error": reason}}, 400)

    def too_large(self, call: Call, limit: int) -> Answer:
        """Answer for an oversized body."""
        return json_answer({{"error": "too large"}}, 413)

    def rate_limited(self, call: Call, standing: Standing) -> Answer:
        """Answer for a used-up limit."""
        return json_answer({{"error": "too many"}}, 429)

    def broken(self, call: Call) -> Answer:
        """Answer for a failure of the server."""
        return json_answer({{"error": "broken"}}, 500)

    def expired(self, call: Call) -> Answer:
        """Answer for a token that is over."""
        return json_answer({{"error": "expired"}}, 401)
''',
    "tests/platforms/test_{name}.py": '''"""What only {title} has."""

from shared.adapter.contract import Connector, Measurer, Publisher
from shared.platforms.{name} import connect, measure, publish

FACES: tuple[Publisher, Connector, Measurer] = (publish, connect, measure)
"""What mypy checks: each module has the shape that its service calls."""
''',
}
NEXT = """
Written. Now, in this order:
  1. shared/platforms/{name}/spec.py: the limits, each with its page.
  2. deploy/sandbox/platforms/{name}/: what it says and refuses.
  3. publish.py, connect.py, measure.py, until this passes:
       .venv/bin/python -m pytest tests/platforms -k {name}
  4. A service publisher-{name} in deploy/docker-compose.yml and deploy/prometheus/prometheus.yml, its address in
     deploy/compose.sh, a channel in config/channels.yaml, and its line in CONTRIBUTING.md ("What is proven").
make check tells what is missing.
"""


def main() -> None:
    """Write the files; nothing that exists is touched."""
    parser = argparse.ArgumentParser(prog="make new-platform name=…", description=__doc__)
    parser.add_argument("name", help="lower-case letters and digits, such as myspace")
    parser.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if not NAME.fullmatch(asked.name):
        parser.error(
            "name: write 2 to 31 lower-case letters and digits, a letter first: make new-platform name=myspace"
        )
    if (asked.root / "shared/platforms" / asked.name).exists():
        parser.error(f"name: there is a platform {asked.name} already")
    for place, text in FILES.items():
        path = asked.root / place.format(name=asked.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.format(name=asked.name, title=asked.name.capitalize()))
        print(path.relative_to(asked.root))
    sys.stdout.write(NEXT.format(name=asked.name))


if __name__ == "__main__":
    main()
