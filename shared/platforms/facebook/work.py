"""One try at one post: what it needs, and what is done of it so far."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.adapter.contract import Account, Answer, Http, Media, Progress
from shared.adapter.errors import Rejected, TryLater, Unauthorized, Uncertain
from shared.payload import Payload, Piece
from shared.platforms.facebook.connect import call, page_of
from shared.platforms.facebook.login import WEB


@dataclass
class Work:
    """A post on its way.

    `done` holds, as JSON: `photos` (ids), `video` (id, session, offsets), `anew` (its upload was begun a second
    time), `sent` (the call that
    makes it public was about to be made), `finished` (it was), `parts` (the public post), `comment`, and how often
    was looked: `looks`, `comments`.
    """

    payload: Payload
    account: Account
    http: Http
    media: Media
    progress: Progress
    done: dict[str, Any] = field(default_factory=dict)

    @property
    def piece(self) -> Piece:
        """The post's only piece."""
        return self.payload.pieces[0]

    @property
    def page(self) -> str:
        """The Page's id."""
        return page_of(self.account)

    async def keep(self, **done: Any) -> None:
        """Write down what is done, before the next call; raises when the right to go on is gone."""
        self.done |= done
        await self.progress(dict(self.done))

    async def call(self, method: str, path: str, **parts: Any) -> Answer:
        """Call with the Page's token."""
        return await call(self.account, self.http, method, path, **parts)

    async def make_public(self, method: str, path: str, **parts: Any) -> Answer:
        """Make the call that makes the post public, written down before.

        Made again, it may be refused because the first one landed (506 says so, and 368 may): that is Uncertain.
        """
        again = bool(self.done.get("sent"))
        await self.keep(sent=True)
        try:
            return await self.call(method, path, mutates=True, **parts)
        except Rejected as refusal:
            raise (Uncertain(refusal.reason) if again else refusal) from None
        except (TryLater, Unauthorized):
            if not again:
                await self.keep(sent=False)
            raise

    async def seen(self, path: str, fields: str, operation: str) -> Mapping[str, Any]:
        """Return an object's fields."""
        told: Mapping[str, Any] = (await self.call("GET", path, operation=operation, params={"fields": fields})).json
        return told


def id_of(answer: Answer, name: str = "id") -> str:
    """Return the id of what a call made; raises Uncertain for an answer without one."""
    found = answer.json.get(name) if isinstance(answer.json, dict) else None
    if not found:
        raise Uncertain(f"facebook: an answer without {name!r}")
    return str(found)


def whole_address(told: object, post_id: str) -> str:
    """Return a permalink: what Facebook says, which may lack the host, else the address that any post's id makes."""
    said = str(told or f"/{post_id}")
    return f"{WEB}{said}" if said.startswith("/") else said
