"""Golden samples: one message of every event as it was first sent. They are added, never rewritten.

A later version must still read them: what is in `tests/events/golden/` is a promise to messages already on their way.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from deploy.asyncapi import emitter_of
from shared import events
from shared.content import About, Kind, Owner, Rights, Source, Timing
from shared.events import Brief, Envelope, Event, Objection, Requester, Trust, body_of, headers_of
from shared.payload import Card, Facet, Payload, Piece, Rendition

POST = UUID("11111111-1111-4111-8111-111111111111")
OTHER = UUID("22222222-2222-4222-8222-222222222222")
MOMENT = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
PICTURE = "b" * 64

TOOL = Requester(tool="newsroom", person=OTHER, trust=Trust.TEAM)
BRIEF = Brief(
    request=OTHER,
    channel="wikipedia/bluesky",
    platform="bluesky",
    about=About(campaign="spring", objective="knowledge", regions=("BR", "419"), labels={"desk": "athens"}),
    requester=TOOL,
)
RIGHTS = Rights(
    owner=Owner.COMMONS, title="Bell", author="A. Author", license="cc-by-sa-4.0", license_name="CC BY-SA 4.0"
)
PAYLOAD = Payload(
    channel="wikipedia/bluesky",
    platform="bluesky",
    kind=Kind.IMAGE,
    pieces=(
        Piece(
            text="Bells ring – hear them. #bells",
            facets=(Facet(start=26, end=32, kind="tag", value="bells"),),
            media=(
                Rendition(
                    sha256=PICTURE, type="image/jpeg", size=1000, width=800, height=600, alt="A bell.", rights=RIGHTS
                ),
            ),
            card=Card(url="https://en.wikipedia.org/wiki/Carillon", title="Carillon"),
        ),
    ),
)
HASH = PAYLOAD.digest()
OBJECTION = Objection(
    rule="alt-text",
    clause="C23",
    place="/pieces/0/media/0/alt",
    message="The picture has no alt text.",
    remedy="Write one.",
)


def samples() -> tuple[Event, ...]:
    """Return one event of each kind, with every field filled in."""
    return (
        events.PostRequested(
            post=POST,
            payload=PAYLOAD,
            payload_hash=HASH,
            timing=Timing(publish_at=MOMENT, zone="UTC"),
            sources=(Source(url="https://en.wikipedia.org/wiki/Carillon", revision=1),),
            after=OTHER,
            brief=BRIEF,
        ),
        events.PostCancelled(post=POST, revision=2, reason="no longer true", requester=TOOL),
        events.PostApproved(
            post=POST,
            payload_hash=HASH,
            valid_until=MOMENT,
            pack="2026-03",
            decision=OTHER,
            renewed=True,
            warnings=(OBJECTION,),
        ),
        events.PostRefused(post=POST, payload_hash=HASH, pack="2026-03", decision=OTHER, objections=(OBJECTION,)),
        events.PostReviewRequested(
            post=POST, payload_hash=HASH, pack="2026-03", decision=OTHER, objections=(OBJECTION,)
        ),
        events.PostScheduled(post=POST, due_at=MOMENT),
        events.PostDue(post=POST, platform="bluesky"),
        events.PostPublished(
            post=POST,
            payload_hash=HASH,
            external_id="at://did:plc:example/app.bsky.feed.post/3k",
            permalink="https://bsky.app/profile/example/post/3k",
            published_at=MOMENT,
            parts=("at://did:plc:example/app.bsky.feed.post/3k",),
            brief=BRIEF,
        ),
        events.PostFailed(post=POST, remedy="rejected", reason="the platform does not take it"),
        events.PostUncertain(post=POST, reason="no answer in time", needs_person=True),
        events.PostHeld(post=POST, reason="a hold covers the channel"),
        events.PostExpired(post=POST, reason="approved after its time"),
        events.PostChangeSettled(post=POST, change=events.Change.CANCEL, settlement=events.Settlement.TOO_LATE),
        events.PostMeasured(post=POST, measured_at=MOMENT, age_seconds=3600, values={"likes": 3, "shares": 0}),
        events.HoldPlaced(hold=OTHER, scope={"platform": "bluesky"}, reason="a crisis", person=OTHER),
        events.HoldReleased(hold=OTHER, person=OTHER),
        events.AccountRefreshed(channel="wikipedia/bluesky", sealed_token="c2VhbGVk", expires_at=MOMENT),  # noqa: S106 - a sample
        events.ChannelLimits(channel="foundation/mastodon", limits={"text": 5000, "images": 4}, read_at=MOMENT),
    )


def add_missing(folder: Path) -> Iterator[Path]:
    """Write the sample of each event that has none yet, and give where; a sample that is there stays as it is."""
    folder.mkdir(parents=True, exist_ok=True)
    for event in samples():
        path = folder / f"{events.type_of(event)}.json"
        if path.exists():
            continue
        envelope = Envelope(event, POST, emitter_of(type(event)), MOMENT, 7, TRACE)
        sample = {"headers": headers_of(envelope), "body": json.loads(body_of(event))}
        path.write_text(json.dumps(sample, indent=2, ensure_ascii=False) + "\n")
        yield path
