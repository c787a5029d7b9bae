"""What others say is read from the platforms, kept once, and forgotten."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from services.metrics.hear import Hear
from services.metrics.rounds import Round
from services.metrics.settings import MetricsSettings
from shared.adapter.contract import Account, Heard, Http, Measurer
from shared.platforms import specs
from tests.metrics.conftest import Metrics, Platforms, let_in

HEARD = "SELECT * FROM heard ORDER BY seq"


def one(name: str = "1", **more: Any) -> Heard:
    said: dict[str, Any] = {"kind": "mention", "text": "Hi @wikipedia", "author": "ada", "at": datetime.now(UTC)}
    return Heard(id=name, **(said | more))


class Said(Hear):
    """Hears what it is told to."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.said: Sequence[Heard] = ()
        self.since: list[datetime] = []

    async def ask(self, measurer: Measurer, account: Account, http: Http, claim: Round) -> Sequence[Heard]:
        self.since.append(self.since_of(claim))
        return self.said if claim.channel in ("wikipedia/bluesky", "foundation/bluesky") else ()


@pytest.fixture
def said(metrics: Metrics, settings: MetricsSettings) -> Said:
    return Said(metrics.accounts, settings)


async def test_replies_mentions_and_quotes_are_read_from_platforms(
    metrics: Metrics, platforms: Platforms, settings: MetricsSettings
) -> None:
    let_in(settings, "wikipedia/bluesky", "foundation/mastodon")
    post = await platforms.on_bluesky()
    await platforms.say("bluesky", "wikipedia.org", "reply", "Oh, nice", to=post)
    await platforms.say("bluesky", "wikipedia.org", "quote", "Look", to=post)
    await platforms.say("mastodon", "wikimediafoundation", "mention", "Hello?")
    await metrics.go_round(metrics.hearing)
    rows = await metrics.rows(HEARD)
    assert sorted((row.channels, row.kind, row.text, row.to_id) for row in rows) == [
        (["foundation/mastodon"], "mention", "Hello?", None),
        (["wikipedia/bluesky"], "quote", "Look", post),
        (["wikipedia/bluesky"], "reply", "Oh, nice", post),
    ]
    assert {row.author.partition(".")[0] for row in rows} == {"ada"}


async def test_each_is_kept_once_however_often_it_is_told(
    metrics: Metrics, platforms: Platforms, settings: MetricsSettings
) -> None:
    let_in(settings, "wikipedia/bluesky")
    await platforms.say("bluesky", "wikipedia.org", "mention", "Once")
    await metrics.go_round(metrics.hearing)
    assert await metrics.round_in(metrics.hearing, "wikipedia/bluesky") == pytest.approx(15 * 60, abs=30)
    assert "wikipedia/bluesky" not in await metrics.go_round(metrics.hearing)
    await metrics.pass_time(15 * 60)
    assert "wikipedia/bluesky" in await metrics.go_round(metrics.hearing)
    assert [row.text for row in await metrics.rows(HEARD)] == ["Once"]


async def test_every_platform_whose_replies_can_be_read_is_asked(metrics: Metrics, settings: MetricsSettings) -> None:
    let_in(settings)
    with capture_logs() as logs:
        asked = await metrics.go_round(metrics.hearing)
    assert {name.partition("/")[2] for name in asked} == {name for name, spec in specs().items() if spec.replies}
    assert "rehearsal/bluesky" not in asked  # is off
    assert logs == []


async def test_without_an_account_nothing_is_read_and_it_is_said_once(metrics: Metrics) -> None:
    with capture_logs() as logs:
        for _ in range(2):
            await metrics.go_round(metrics.hearing)
            await metrics.pass_time(3_601)
    assert [e["question"] for e in logs if e["channel"] == "wikipedia/bluesky"] == ["heard"]
    assert await metrics.rows(HEARD) == []


async def test_two_channels_that_are_told_the_same_share_it(metrics: Metrics, said: Said) -> None:
    said.said = [one("1"), one("1"), one("2", kind="reply", to="7")]
    await metrics.go_round(said)
    rows = await metrics.rows(HEARD)
    assert [sorted(row.channels) for row in rows] == [["foundation/bluesky", "wikipedia/bluesky"]] * 2
    assert [(row.id, row.kind, row.to_id) for row in rows] == [("1", "mention", None), ("2", "reply", "7")]


async def test_what_postgresql_cannot_keep_is_left_out(metrics: Metrics, said: Said) -> None:
    said.said = [one(text="a\0b \ud83d \N{GRINNING FACE}", author="\0ada")]
    await metrics.go_round(said)
    assert [(row.text, row.author) for row in await metrics.rows(HEARD)] == [("ab ? \N{GRINNING FACE}", "ada")]


async def test_a_round_looks_a_little_further_back_than_the_one_before(metrics: Metrics, said: Said) -> None:
    await metrics.go_round(said)
    assert datetime.now(UTC) - max(said.since) == pytest.approx(timedelta(days=7), abs=timedelta(seconds=30))
    await metrics.pass_time(15 * 60)
    said.since = []
    await metrics.go_round(said)
    expected = timedelta(minutes=25)
    assert datetime.now(UTC) - max(said.since) == pytest.approx(expected, abs=timedelta(seconds=30))


async def test_a_channel_may_have_a_cadence_of_its_own(metrics: Metrics, settings: MetricsSettings) -> None:
    own = settings.model_copy(update={"hear_minutes_of": {"wikipedia/bluesky": 240}})
    said = Said(metrics.accounts, own)
    await metrics.go_round(said)
    assert await metrics.round_in(said, "wikipedia/bluesky") == pytest.approx(240 * 60, abs=30)
    assert await metrics.round_in(said, "foundation/bluesky") == pytest.approx(15 * 60, abs=30)


async def test_texts_and_authors_are_erased_in_time_and_do_not_come_back(metrics: Metrics, said: Said) -> None:
    said.said = [
        one(
            "at://did:plc:grace/app.bsky.feed.post/1", author="grace", permalink="https://bsky.app/profile/grace/post/1"
        )
    ]
    await metrics.go_round(said)
    await metrics.pass_time(89 * 86_400)
    await metrics.forget()
    (row,) = await metrics.rows(HEARD)
    assert (row.author, row.erased_at) == ("grace", None)
    await metrics.pass_time(86_400 + 1)
    for _ in range(2):
        await metrics.forget()
    (row,) = await metrics.rows(HEARD)
    assert (row.text, row.author, row.permalink) == (None, None, None)
    assert row.erased_at is not None
    assert "grace" not in str(tuple(row))
    assert (row.kind, sorted(row.channels)) == ("mention", ["foundation/bluesky", "wikipedia/bluesky"])


async def test_no_author_and_no_text_is_in_a_log_or_an_event(
    metrics: Metrics, platforms: Platforms, settings: MetricsSettings
) -> None:
    let_in(settings, "wikipedia/bluesky")
    await platforms.say("bluesky", "wikipedia.org", "mention", "Hush hush")
    with capture_logs() as logs:
        await metrics.go_round(metrics.hearing)
    assert len(await metrics.rows(HEARD)) == 1
    assert "ada" not in str(logs)
    assert "Hush" not in str(logs)
    assert await metrics.rows("SELECT * FROM outbox") == []
