"""A delivery goes only where its life lets it, and every move is written down."""

from itertools import product

import asyncpg
import pytest
from sqlalchemy import text

from services.publisher.life import FIRST, NEXT, State
from shared.database import begin, statements
from tests.publisher.conftest import Publisher, approved, cancelled, requested

MOVE = text("UPDATE delivery SET state = :state, moved_by = 'test', reason = 'why not' WHERE post = :post")


async def test_the_database_knows_the_same_life_as_the_code(publisher: Publisher) -> None:
    request = requested()
    await publisher.hear(request)
    for was, becomes in product(State, State):
        await publisher.force(f"state = '{was}'", request.post)
        try:
            async with begin(publisher.engine) as db:
                await db.execute(MOVE, {"state": becomes, "post": request.post})
            went = True
        except asyncpg.CheckViolationError:
            went = False
        assert went == (becomes in NEXT[was] or was == becomes), f"{was} > {becomes}"


async def test_every_move_is_written_down_with_who_and_why(publisher: Publisher) -> None:
    request = requested()
    await publisher.hear(request, approved(request), cancelled(request))
    async with statements(publisher.engine) as db:
        rows = (await db.execute(text("SELECT was, became, moved_by, reason FROM transition ORDER BY id"))).all()
    assert [tuple(row.values()) for row in rows] == [
        ("awaiting", "planned", "planner", None),
        ("planned", "cancelled", "test", ""),
    ]


def test_every_state_is_reached_and_every_end_is_an_end() -> None:
    reached = set(FIRST).union(*NEXT.values())
    assert reached == set(State)
    assert {state for state in State if not NEXT[state]} == {State.PUBLISHED, State.CANCELLED, State.EXPIRED}


@pytest.mark.parametrize("state", [state for state in State if state is not State.PUBLISHED])
def test_whatever_is_not_over_can_come_to_an_end(state: State) -> None:
    ends, seen = {State.PUBLISHED, State.CANCELLED, State.EXPIRED, State.FAILED}, {state}
    while new := {after for one in seen for after in NEXT[one]} - seen:
        seen |= new
    assert seen & ends
