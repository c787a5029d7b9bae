"""Dead letters in their table: looked at, sent again, put away."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from shared.database import Session
from shared.mailbox.outbox import AGAIN

SHOWN = 262_144
"""Bytes of a body that are shown."""
COLUMNS = """
    id, event_id, type, subject, queue, routing_key, traceparent, cause, reason, attempts, times, first_died_at,
    died_at, state, acted_by, acted_at, octet_length(body) AS size
"""
LOOK = text(
    f"""
    SELECT {COLUMNS} FROM dead_letter
    WHERE id > :after AND (CAST(:cause AS text) IS NULL OR cause = :cause)
        AND (CAST(:type AS text) IS NULL OR type = :type) AND (CAST(:state AS text) IS NULL OR state = :state)
    ORDER BY id LIMIT :most
    """  # noqa: S608 - put together from constants
)
SHOW = text(
    f"SELECT {COLUMNS}, headers, substring(body FOR {SHOWN}) AS body, history FROM dead_letter WHERE id = :id"  # noqa: S608
)
CAUSES = text(
    """
    SELECT cause, type, count(*) AS count, min(first_died_at) AS first_died_at, max(died_at) AS died_at
    FROM dead_letter WHERE state = 'kept' GROUP BY cause, type ORDER BY count(*) DESC, cause, type
    """
)
# It goes to its own queue only: the others have had it. The attempts at it are forgotten, or its first failure would be
# its last; whether it was handled the inbox still knows.
REPLAY = """
    WITH chosen AS (
        SELECT id FROM dead_letter WHERE {which} ORDER BY id LIMIT :most FOR UPDATE SKIP LOCKED
    ), gone AS (
        UPDATE dead_letter AS d SET state = 'replayed', replays = replays + 1, acted_by = :who, acted_at = now(),
            history = history || jsonb_build_object('at', now(), 'what', 'replayed', 'who', CAST(:who AS text))
        FROM chosen WHERE d.id = chosen.id RETURNING d.id, d.queue, d.event_id, d.headers, d.body, d.replays
    ), forgotten AS (
        DELETE FROM attempt USING gone WHERE attempt.consumer = gone.queue AND attempt.event_id = gone.event_id
    ), sent AS (
        INSERT INTO outbox (routing_key, headers, body)
        SELECT queue, headers || jsonb_build_object(CAST(:again AS text), id || '.' || replays), body
        FROM gone ORDER BY id
    )
    SELECT id FROM gone ORDER BY id
"""
REPLAY_ONE = text(REPLAY.format(which="id = :id AND state IN ('kept', 'archived')"))
REPLAY_SOME = text(
    REPLAY.format(
        which="""state = 'kept' AND (CAST(:cause AS text) IS NULL OR cause = :cause)
            AND (CAST(:type AS text) IS NULL OR type = :type)"""
    )
)
ARCHIVE = text(
    """
    UPDATE dead_letter SET state = 'archived', acted_by = :who, acted_at = now(),
        history = history || jsonb_build_object(
            'at', now(), 'what', 'archived', 'who', CAST(:who AS text), 'note', CAST(:note AS text))
    WHERE id = :id AND state = 'kept' RETURNING id
    """
)


@dataclass(frozen=True, slots=True)
class Group:
    """Some dead letters: those of a cause, of a type, or all."""

    cause: str | None = None
    type: str | None = None


async def look(group: Group, state: str | None, after: int, most: int, db: Session) -> Sequence[Any]:
    """Return some letters without their bodies, in the order of their arrival, after a number."""
    values = {"cause": group.cause, "type": group.type, "state": state, "after": after, "most": most}
    return await db.execute(LOOK, values)


async def show(letter: int, db: Session) -> Any:
    """Return one letter with headers, history and the first `SHOWN` bytes of its body; None when there is none."""
    return (await db.execute(SHOW, {"id": letter})).first()


async def causes(db: Session) -> Sequence[Any]:
    """Return how many letters are kept, by cause and type, the most first."""
    return await db.execute(CAUSES)


async def replay(letter: int, who: str, db: Session) -> bool:
    """Send a letter again, to the queue that it died in; return False when it is under way already, or not there."""
    values = {"id": letter, "most": 1, "who": who, "again": AGAIN}
    return bool((await db.execute(REPLAY_ONE, values)).all())


async def replay_some(group: Group, most: int, who: str, db: Session) -> list[int]:
    """Send kept letters again, the oldest first, and return which."""
    values = {"cause": group.cause, "type": group.type, "most": most, "who": who, "again": AGAIN}
    return list((await db.execute(REPLAY_SOME, values)).scalars())


async def archive(letter: int, who: str, note: str | None, db: Session) -> bool:
    """Put a kept letter away; return False when it is not kept, or not there."""
    return bool((await db.execute(ARCHIVE, {"id": letter, "who": who, "note": note})).all())
