"""What an account published of late, whoever did it, and what its platform says of its quota."""

from datetime import UTC, datetime, timedelta

from shared.platforms import connector_of, publisher_of
from tests.platforms.conftest import Stage


async def test_recent_posts_are_listed_by_the_ids_that_publishing_returned(stage: Stage) -> None:
    before = datetime.now(UTC) - timedelta(minutes=1)
    made = [await stage.trial(stage.plain(words, n)).until_public() for n, words in enumerate(("One", "Two"))]
    listed = await publisher_of(stage.spec.name).recent(stage.account, before, stage.http)
    assert {one.id for one in listed} == {one.external_id for one in made}
    assert all(before < one.at < datetime.now(UTC) + timedelta(minutes=10) for one in listed)


async def test_older_posts_are_not(stage: Stage) -> None:
    await stage.trial(stage.plain()).until_public()
    later = datetime.now(UTC) + timedelta(minutes=30)
    stage.sandbox.pass_by(3_600)
    assert list(await publisher_of(stage.spec.name).recent(stage.account, later, stage.http)) == []


async def test_a_quota_that_can_be_asked_for_counts_what_was_published(stage: Stage) -> None:
    connector = connector_of(stage.spec.name)
    before = list(await connector.quota(stage.account, stage.http))
    await stage.trial(stage.plain()).until_public()
    after = list(await connector.quota(stage.account, stage.http))
    if not stage.spec.quotas:
        assert before == after == []
        return
    (was,), (became,) = before, after
    assert became.used == was.used + 1
    assert became.posts >= became.used
    assert any(became.per == pace.per for pace in stage.spec.pace)
