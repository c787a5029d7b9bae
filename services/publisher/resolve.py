"""A person's word about a delivery that only a person can judge: it landed, it did not, or give up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import text

from services.publisher.handlers import Planner
from shared.database import Row, Session
from shared.events import Brief, Event, PostFailed, PostPublished


class Word(StrEnum):
    """What a person found."""

    LANDED = "landed"
    """It is public: here is its id."""
    NOT_LANDED = "not_landed"
    """It is not public: send it again."""
    GIVE_UP = "give_up"
    """Whatever is public stays so, nothing more is sent."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a person says, about which state of affairs, and who says it."""

    post: UUID
    fence: int
    word: Word
    by: str
    note: str
    external_id: str | None = None
    permalink: str | None = None
    published_at: datetime | None = None


# Only where the person saw what is still so: the fence is that of the last try.
RESOLVE = text(
    """
    UPDATE delivery SET state = :state, due_at = CASE WHEN :state = 'planned' THEN now() END,
        reason = :note, moved_by = :by, unproven = false, absent = 0, looks = 0,
        tries = CASE WHEN :state = 'planned' THEN 0 ELSE tries END,
        touched = CASE WHEN :state = 'planned' THEN coalesce(resume -> 'parts', '[]') <> '[]' ELSE touched END,
        external_id = coalesce(:external_id, external_id), permalink = coalesce(:permalink, permalink),
        published_at = CASE WHEN :state = 'published' THEN coalesce(:published_at, tried_at, now()) END
    WHERE post = :post AND fence = :fence AND state = 'needs_review' AND (:state <> 'planned' OR not_after > now())
    RETURNING revision, payload_hash, brief::text AS brief, external_id, permalink, published_at, waiting
    """
)
STATES: Mapping[Word, str] = {Word.LANDED: "published", Word.NOT_LANDED: "planned", Word.GIVE_UP: "failed"}


async def resolve(said: Resolution, planner: Planner, db: Session) -> tuple[bool, Sequence[Event]]:
    """Write a person's word down; return whether it counts, and the events that follow.

    It does not when the delivery needs no review any more, was tried since, or would be sent after its last moment.
    """
    row = (await db.execute(RESOLVE, _values(said))).one_or_none()
    if row is None:
        return False, ()
    events = _events(said, row)
    if row.waiting:
        events += await planner.apply_waiting(said.post, db)
    return True, events


def _values(said: Resolution) -> dict[str, Any]:
    return {
        "post": said.post,
        "fence": said.fence,
        "state": STATES[said.word],
        "note": said.note,
        "by": said.by,
        "external_id": said.external_id,
        "permalink": said.permalink,
        "published_at": said.published_at,
    }


def _events(said: Resolution, row: Row) -> list[Event]:
    match said.word:
        case Word.LANDED:
            return [
                PostPublished(
                    post=said.post,
                    revision=row.revision,
                    payload_hash=row.payload_hash,
                    external_id=row.external_id,
                    permalink=row.permalink,
                    published_at=row.published_at,
                    brief=Brief.model_validate_json(row.brief),
                )
            ]
        case Word.GIVE_UP:
            return [PostFailed(post=said.post, revision=row.revision, remedy="gave up", reason=said.note)]
        case _:
            return []
