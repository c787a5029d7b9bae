"""A post through the real delivery, claim by claim, with the account that is kept."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from services.publisher.deliver import Deliver
from services.publisher.handlers import Planner, handlers
from shared import platforms
from shared.adapter.contract import Pending
from shared.content import Timing
from shared.database import begin
from shared.events import Brief, Envelope, PostApproved, PostDue, PostRequested, Requester
from shared.mailbox import follow
from shared.payload import Payload
from tests.accounts.house import CHANNELS, House
from tests.platforms.contents import Store, plain
from tests.platforms.shelf import shelf
from tests.platforms.stage import payload_of

ROUNDS = 20


async def publish(house: House, platform: str, words: str, number: int = 0, publisher: Any = None) -> str:
    """Publish the simplest post that the platform takes; return the state that it ends in."""
    store, spec = Store(), platforms.specs()[platform]
    payload = payload_of(plain(spec, store, words, number), spec, store)
    payload = payload.model_copy(update={"channel": CHANNELS[platform]})
    post = await _due(house, payload)
    with shelf(store):
        deliver = house.deliver(platform, store, publisher)
        for _ in range(ROUNDS):
            if (state := await _once(house, deliver, post, platform)) not in {"pending", "planned"}:
                return state
    return state


async def _due(house: House, payload: Payload) -> UUID:
    """Let publisher hear of an approved post."""
    brief = Brief(request=uuid4(), channel=payload.channel, platform=payload.platform, requester=Requester(tool="test"))
    about = {"post": uuid4(), "payload_hash": payload.digest()}
    asked = PostRequested(**about, payload=payload, timing=Timing(), brief=brief)
    until = datetime.now(UTC) + timedelta(hours=1)
    approved = PostApproved(**about, revision=1, valid_until=until, pack="p", decision=uuid4())
    said = [Envelope.of(one, "test")._replace(sequence=n) for n, one in enumerate((asked, approved), 1)]
    async with begin(house.runtime.engine) as db:
        await follow(said, handlers(Planner(house.settings, house.registry.current)), db, "publisher")
    return asked.post


async def _once(house: House, deliver: Deliver, post: UUID, platform: str) -> str:
    """Do all three beats, and let the time pass that the platform wants; return the state."""
    async with begin(house.runtime.engine) as db:
        (claim,) = await deliver.claim([PostDue(post=post, platform=platform)], db)
    tried = await deliver.call(claim)
    if isinstance(tried.outcome, Pending):
        house.sandbox.pass_by(tried.outcome.after)
    async with begin(house.runtime.engine) as db:
        await deliver.settle(claim, tried, db)
        await db.execute(
            text("UPDATE delivery SET state = 'due' WHERE post = :post AND state = 'planned'"), {"post": post}
        )
        row = (await db.execute(text("SELECT state, reason FROM delivery WHERE post = :post"), {"post": post})).one()
    return str(row.state) if row.state != "due" else f"due: {row.reason}"
