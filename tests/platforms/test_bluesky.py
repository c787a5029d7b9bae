"""What only Bluesky has: sessions that expire, records at chosen keys, cards, facets with DIDs."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapter.contract import Attempt, Connector, Measurer, Publisher
from shared.adapter.errors import Rejected
from shared.content import Content, Link, Media
from shared.platforms import specs
from shared.platforms.bluesky import connect, measure, publish
from shared.platforms.bluesky.record import key_of
from tests.platforms.conftest import Stage, stage_of
from tests.platforms.contents import picture, text
from tests.platforms.sandbox import Sandbox
from tests.platforms.stage import attempt_of

ALPHABET = "234567abcdefghijklmnopqrstuvwxyz"


FACES: tuple[Publisher, Connector, Measurer] = (publish, connect, measure)
"""What mypy checks: each module has the shape that its service calls."""


@pytest.fixture
async def bluesky(sandbox: Sandbox) -> AsyncIterator[Stage]:
    async for stage in stage_of(specs()["bluesky"], sandbox):
        yield stage


def record_at(stage: Stage, uri: str) -> dict[str, Any]:
    """Read a record back as the network does."""
    repo, collection, rkey = uri.removeprefix("at://").split("/")
    params = {"repo": repo, "collection": collection, "rkey": rkey}
    told = httpx.get(f"{stage.account.base_url}/xrpc/com.atproto.repo.getRecord", params=params).raise_for_status()
    record: dict[str, Any] = told.json()["value"]
    return record


async def test_links_tags_and_mentions_have_the_bytes_they_cover(bluesky: Stage) -> None:
    published = await bluesky.trial(text()).until_public()
    record = record_at(bluesky, published.external_id)
    covered = {}
    for facet in record["facets"]:
        (feature,) = facet["features"]
        words = record["text"].encode()[facet["index"]["byteStart"] : facet["index"]["byteEnd"]].decode()
        covered[feature["$type"].rpartition("#")[2]] = (words, feature)
    assert covered["link"] == ("https://w.wiki/3", {"$type": "app.bsky.richtext.facet#link", "uri": "https://w.wiki/3"})
    assert covered["tag"] == ("#Wikipedia", {"$type": "app.bsky.richtext.facet#tag", "tag": "Wikipedia"})
    assert covered["mention"][0] == "@wikipedia.org"
    assert covered["mention"][1]["did"].startswith("did:plc:")
    assert record["langs"] == ["pt-BR"]


async def test_a_mention_of_nobody_stays_text(bluesky: Stage) -> None:
    content = Content(text="Hi @nobody.invalid and @ada@wikis.world")
    published = await bluesky.trial(content).until_public()
    record = record_at(bluesky, published.external_id)
    assert record["text"] == content.text
    assert "facets" not in record


async def test_a_link_has_its_card_with_a_thumbnail(bluesky: Stage) -> None:
    thumbnail = Media(asset=bluesky.store.put(picture(5)), alt="")
    link = Link(url="https://w.wiki/3", title="Mercury", description="A planet", thumbnail=thumbnail)
    published = await bluesky.trial(Content(text="Read", link=link)).until_public()
    record = record_at(bluesky, published.external_id)
    card = record["embed"]["external"]
    assert (record["text"], card["uri"], card["title"]) == ("Read", "https://w.wiki/3", "Mercury")
    assert card["thumb"]["mimeType"] == "image/png"


async def test_pictures_say_their_shape(bluesky: Stage) -> None:
    media = (Media(asset=bluesky.store.put(picture()), alt="A field"),)
    published = await bluesky.trial(Content(text="See", media=media)).until_public()
    (image,) = record_at(bluesky, published.external_id)["embed"]["images"]
    assert (image["alt"], image["aspectRatio"]) == ("A field", {"width": 400, "height": 400})


@pytest.mark.parametrize("name", ["putRecord", "uploadBlob"])
async def test_an_expired_session_is_renewed_and_the_call_made_once_again(bluesky: Stage, name: str) -> None:
    await bluesky.trial(text()).until_public()
    bluesky.sandbox.arm("bluesky", "expired_token", path=f"/xrpc/com.atproto.repo.{name}")
    media = (Media(asset=bluesky.store.put(picture()), alt="A field"),)
    trial = bluesky.trial(Content(text="See", media=media))
    await trial.once()
    assert len(bluesky.public()) == 2


async def test_a_session_whose_renewal_has_expired_too_is_opened_anew(bluesky: Stage) -> None:
    await bluesky.trial(text()).until_public()
    bluesky.sandbox.advance(91 * 86_400)
    await bluesky.trial(text()).once()
    assert len(bluesky.public()) == 2


async def test_another_record_at_our_key_is_never_overwritten(bluesky: Stage) -> None:
    first = bluesky.trial(Content(text="One"))
    await first.until_public()
    other = bluesky.trial(Content(text="Two"))
    other.attempt = first.attempt
    with pytest.raises(Rejected, match="InvalidSwap"):
        await other.once()
    assert bluesky.public() == ["One"]


async def test_our_own_record_that_reads_the_same_counts_as_published(bluesky: Stage) -> None:
    first = bluesky.trial(Content(text="One"))
    published = await first.until_public()
    again = bluesky.trial(Content(text="One", language="el"))
    again.attempt = first.attempt
    assert (await again.until_public()).external_id == published.external_id
    assert bluesky.public() == ["One"]


MOMENTS = st.floats(1.7e9, 3.7e9).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


@given(MOMENTS, st.uuids(), st.integers(1, 9))
def test_keys_are_tids_that_sort_by_part(moment: datetime, post: Any, revision: int) -> None:
    attempt = Attempt(post=post, revision=revision, created_at=moment, key=f"{post}:{revision}")
    keys = [key_of(attempt, number) for number in range(50)]
    assert keys == sorted(set(keys))
    assert keys == [key_of(replace(attempt, resume={"parts": []}), number) for number in range(50)]
    for key in keys:
        assert len(key) == 13
        assert set(key) <= set(ALPHABET)
        value = 0
        for letter in key:
            value = value << 5 | ALPHABET.index(letter)
        assert value >> 63 == 0
        assert abs((value >> 10) / 1e6 - moment.timestamp()) < 1.1


def test_posts_claimed_at_one_moment_keep_apart() -> None:
    moment = attempt_of().created_at
    attempts = [replace(attempt_of(), key=str(uuid4()), created_at=moment) for _ in range(2_000)]
    assert len({key_of(attempt, 0) for attempt in attempts}) == 2_000
