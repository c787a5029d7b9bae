"""A request comes in: checked whole, then kept whole, in one statement that the Idempotency-Key gates."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from services.ingest.fanout import Channels, Wanted, Wrong, excesses, fan_out, media_in, renditions_of, timing_wrong
from services.ingest.keeper import Keeper
from services.ingest.kept import Answer, Call, Planned, kept
from services.ingest.originals import Original, find_fitted, find_originals
from services.ingest.preview import PostPreview, Preview
from services.ingest.settings import IngestSettings
from services.ingest.standing import State
from services.ingest.unknown import missing_media
from shared.adapter.render import render
from shared.content import Asking
from shared.events import Brief, Requester
from shared.http.auth import Caller
from shared.http.problems import Problem
from shared.http.translate import invalid
from shared.mailbox.relay import Relay
from shared.payload import Payload, Rendition, digest_of

ANSWER = json.JSONEncoder(separators=(",", ":"))
FIRST = text("SELECT body_hash, status, location, answer FROM idempotency WHERE tool = :tool AND key = :key")
AFTER = text("SELECT 1 FROM post JOIN request r ON r.id = request_id WHERE post.id = :id AND (r.tool = :tool OR :all)")


class Door:
    """Where requests come in."""

    def __init__(self, engine: AsyncEngine, relay: Relay, channels: Channels, settings: IngestSettings) -> None:
        self._engine = engine
        self._keeper = Keeper(engine, relay.hand_over, settings.person_days, settings.ask_again_seconds)
        self._channels = channels
        self._settings = settings

    async def accept(self, asking: Asking, body: bytes, key: str, caller: Caller) -> Answer:
        """Keep a request and its posts and return the answer; a key seen before gets its first answer again.

        Raises Problem: 422 when a channel cannot take the content, when a date is over, when the key came with another
        body. Then nothing is kept.
        """
        call = Call(asking, hashlib.sha256(body).digest(), key)
        checked = await self._checked(asking, caller)
        if checked.wrong:
            # What was wrong today need not have been when the key was first used.
            if first := await self._first(call, caller):
                return first
            raise invalid(checked.wrong)
        return await self._keep(call, caller, checked)

    async def preview(self, asking: Asking, caller: Caller) -> Preview:
        """Return what the channels would say; raises Problem as `accept` does. Nothing is kept."""
        checked = await self._checked(asking, caller)
        if checked.wrong:
            raise invalid(checked.wrong)
        return Preview(
            posts=tuple(
                PostPreview(channel=one.channel, language=one.content.language, payload=_rendered(one, checked))
                for one in checked.wanted
            )
        )

    async def _checked(self, asking: Asking, caller: Caller) -> "_Checked":
        wanted, wrong = fan_out(asking, self._channels)
        wrong += self._timing(asking)
        originals, fitted = await self._media(wanted, caller)
        wrong += [*_beyond(asking, wanted, originals), *await self._after(asking, caller)]
        return _Checked(wanted, originals, fitted, _each_once(wrong) if wrong else wrong)

    async def _keep(self, call: Call, caller: Caller, checked: "_Checked") -> Answer:
        now = datetime.now(UTC)
        request, person = uuid4(), uuid4() if call.asking.requested_by else None
        requester = Requester(tool=caller.tool, person=person, trust=caller.trust)
        planned = [_planned(call.asking, request, requester, one, checked, now) for one in checked.wanted]
        answer = Answer(202, f"/v1/requests/{request}", _body(request, planned))
        if await self._keeper.keep(kept(call, planned, requester, request, now, answer, self._settings)):
            return answer
        first = await self._first(call, caller)
        if first is None:  # it was forgotten between two statements: its time was over
            return await self._keep(call, caller, checked)
        return first

    async def _first(self, call: Call, caller: Caller) -> Answer | None:
        """Return the first answer to a key; raises Problem when that call had another body."""
        async with self._engine.connect() as connection:
            row = (await connection.execute(FIRST, {"tool": caller.tool, "key": call.key})).one_or_none()
        return (
            None if row is None else again(row.body_hash, call.body_hash, Answer(row.status, row.location, row.answer))
        )

    def _timing(self, asking: Asking) -> Sequence[Wrong]:
        settings = self._settings
        now = datetime.now(UTC)
        return list(timing_wrong(asking.timing, now, settings.past_tolerance_seconds, settings.furthest_days))

    async def _media(
        self, wanted: Sequence[Wanted], caller: Caller
    ) -> tuple[Mapping[str, Original], Mapping[tuple[str, str], Rendition]]:
        media = media_in(wanted)
        if not media:
            return {}, {}
        async with self._engine.connect() as connection, AsyncSession(connection) as db:
            fresh = self._settings.commons_fresh_seconds
            originals = await find_originals(db, media, caller.tool, team=is_team(caller), fresh=fresh)
            return originals, await find_fitted(db, originals.values())

    async def _after(self, asking: Asking, caller: Caller) -> Sequence[Wrong]:
        if asking.after is None:
            return []
        async with self._engine.connect() as connection:
            known = {"id": asking.after, "tool": caller.tool, "all": is_team(caller)}
            if (await connection.execute(AFTER, known)).one_or_none():
                return []
        remedy = "Name a post that you asked for, or leave it out."
        return [{"pointer": "/after", "detail": "There is no such post of yours.", "remedy": remedy}]


class _Checked(NamedTuple):
    wanted: Sequence[Wanted]
    originals: Mapping[str, Original]
    fitted: Mapping[tuple[str, str], Rendition]
    wrong: Sequence[Wrong]


def is_team(caller: Caller) -> bool:
    """Say whether the caller may see what other tools asked for."""
    return caller.trust == "team"


def again(known: bytes, body_hash: bytes, first: Answer) -> Answer:
    """Return the first answer once more; raises Problem when the body is another."""
    if known != body_hash:
        raise Problem(
            422,
            "idempotency-key-reused",
            "This Idempotency-Key was used before, with another body.",
            remedy="Use a new key for a new request; send the same bytes to get the first answer again.",
            errors=[
                {
                    "pointer": "header/Idempotency-Key",
                    "detail": "It belongs to another request.",
                    "remedy": "Use a new one, such as a random UUID.",
                }
            ],
        )
    return first._replace(replayed=True)


def _planned(
    asking: Asking, request: UUID, requester: Requester, one: Wanted, checked: _Checked, now: datetime
) -> Planned:
    """Render a post whose media are all there; leave the others to be prepared."""
    payload = _rendered(one, checked)
    brief = Brief(
        request=request,
        channel=one.channel,
        platform=one.spec.name,
        language=one.content.language,
        about=asking.about,
        requester=requester,
        accepted_at=now,
    )
    if payload is None:
        return Planned(uuid4(), one.content, brief, None, None, None)
    said = payload.canonical()
    return Planned(uuid4(), one.content, brief, payload, said.decode(), digest_of(said))


def _rendered(one: Wanted, checked: _Checked) -> Payload | None:
    forms = renditions_of(one, checked.originals, checked.fitted)
    return None if forms is None else render(one.content, one.channel, one.spec, forms, one.said)


def _beyond(asking: Asking, wanted: Sequence[Wanted], originals: Mapping[str, Original]) -> Sequence[Wrong]:
    """Return what is wrong with the contents: media that are not there, limits."""
    found: list[Wrong] = []
    targets = {(t.channel, t.language or asking.content.language): t for t in asking.channels}
    for one in wanted:
        target = targets[one.channel, one.content.language]
        found += missing_media(one, originals, asking, target)
        found += excesses(one, originals, asking, target)
    return found


def _each_once(wrong: Sequence[Wrong]) -> list[Wrong]:
    return list({(str(one["pointer"]), str(one["detail"])): one for one in wrong}.values())


def _body(request: UUID, planned: Sequence[Planned]) -> bytes:
    posts = [
        {
            "id": str(post.id),
            "channel": post.brief.channel,
            "language": post.brief.language,
            "state": State.REQUESTED if post.payload else State.PREPARING,
            "url": f"/v1/posts/{post.id}",
        }
        for post in planned
    ]
    return ANSWER.encode({"id": str(request), "state": "accepted", "posts": posts}).encode()
