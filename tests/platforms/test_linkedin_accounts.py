"""LinkedIn's sign-in, and what it tells of a page: figures, followers, comments."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from shared.adapter.contract import App, Grant
from shared.adapter.errors import TryLater, Unauthorized
from shared.content import Content
from shared.platforms import specs
from shared.platforms.linkedin import connect, measure
from tests.adapter.wire import reply
from tests.adapter.wire import running as scripted
from tests.platforms.conftest import Stage, stage_of
from tests.platforms.linkedin import requests
from tests.platforms.sandbox import Sandbox

YEAR = 365 * 86_400


@pytest.fixture
async def linkedin(sandbox: Sandbox) -> AsyncIterator[Stage]:
    async for stage in stage_of(specs()["linkedin"], sandbox):
        yield stage


def app_at(base_url: str) -> App:
    return App("client", "client-secret", "https://carillon.example/connected", base_url)


# ---- being let in ----------------------------------------------------------------------------------------------------


def test_where_the_owner_lets_us_in() -> None:
    address = urlsplit(connect.start(app_at("https://api.linkedin.com"), "a-state", "verifier"))
    assert (address.netloc, address.path) == ("www.linkedin.com", "/oauth/v2/authorization")
    asked = parse_qs(address.query)
    assert asked["scope"] == ["w_organization_social r_organization_social rw_organization_admin"]
    assert asked["response_type"] == ["code"]


async def test_a_refresh_token_lasts_a_year_whatever_is_done_with_it(linkedin: Stage) -> None:
    app, name = app_at(linkedin.account.base_url), linkedin.account.handle.removeprefix("@")
    grant = await connect.exchange(app, f"code-{name}", "", linkedin.http)
    assert grant.scopes == set(connect.SCOPES)
    linkedin.sandbox.pass_by(YEAR / 2)
    renewed = await connect.refresh(app, grant, linkedin.http)
    assert renewed.refresh_token == grant.refresh_token
    assert renewed.access_token != grant.access_token
    assert renewed.refresh_expires_at
    left = renewed.refresh_expires_at - datetime.now(UTC)
    assert left < timedelta(seconds=YEAR / 2 + 60)
    linkedin.sandbox.pass_by(YEAR / 2 + 60)
    with pytest.raises(Unauthorized, match="invalid_grant"):
        await connect.refresh(app, renewed, linkedin.http)


async def test_without_a_refresh_token_the_owner_must_sign_in_again(linkedin: Stage) -> None:
    with pytest.raises(Unauthorized, match="sign in again"):
        await connect.refresh(app_at(linkedin.account.base_url), Grant("a-token"), linkedin.http)


async def test_only_a_dead_token_is_the_owners_business(linkedin: Stage) -> None:
    grant = Grant("a-token", refresh_token="a-refresh-token")
    for status, body in ((400, {"error": "unsupported_grant_type"}), (404, None), (429, None), (503, None)):
        async with scripted() as wire:
            wire.always(reply(status, body))
            with pytest.raises(TryLater):
                await connect.refresh(app_at(wire.url), grant, linkedin.http)


async def test_who_does_not_administer_the_page_is_told_so(linkedin: Stage) -> None:
    other = replace(linkedin.account, id=linkedin.fresh().account.id)
    with pytest.raises(Unauthorized, match="no administrator"):
        await connect.verify(other, linkedin.http)


# ---- figures ---------------------------------------------------------------------------------------------------------


async def test_figures_are_asked_for_in_batches_and_all_of_them_are_organic(linkedin: Stage) -> None:
    ids = [
        (await linkedin.trial(linkedin.plain(f"Post {number}")).until_public()).external_id
        for number in range(measure.MOST + 1)
    ]
    linkedin.sandbox.pass_by(3_600)
    before = len(requests(linkedin, "GET", "/rest/organizationalEntityShareStatistics"))
    measured = await measure.measure(ids, linkedin.account, linkedin.http)
    assert len(requests(linkedin, "GET", "/rest/organizationalEntityShareStatistics")) == before + 2
    assert [one.external_id for one in measured] == ids
    assert all(one.organic == one.values and one.values["views"] > one.values["reach"] > 0 for one in measured)
    assert set(measured[0].values) == {"views", "reach", "clicks", "likes", "comments", "shares"}


async def test_a_post_without_readers_has_its_figures_still_to_come(linkedin: Stage) -> None:
    quiet, gone = "urn:li:share:7401", "urn:li:share:7402"
    batch = reply(200, {"results": {quiet: {"id": quiet}}, "statuses": {}, "errors": {gone: {"status": 404}}})

    def answer(head: str, _body: bytes) -> bytes:
        return batch if "/rest/posts?ids=List(" in head else reply(200, {"elements": []})

    async with scripted() as wire:
        wire.answer = answer
        account = replace(linkedin.account, base_url=wire.url)
        (measured,) = await measure.measure([quiet, gone], account, linkedin.http)
        assert "shares=List(urn%3Ali%3Ashare%3A7401,urn%3Ali%3Ashare%3A7402)" in wire.asked[0][0]
    assert (measured.external_id, measured.values) == (quiet, {})
    assert measured.awaited == {"views", "reach", "clicks", "likes", "comments", "shares"}


async def test_our_own_comment_is_not_heard(linkedin: Stage) -> None:
    began, name = datetime.now(UTC) - timedelta(minutes=5), linkedin.account.handle.removeprefix("@")
    published = await linkedin.trial(Content(text="Hello", first_comment="Ours")).until_public()
    linkedin.sandbox.say("linkedin", name, kind="reply", text="Theirs", author="ada", to=published.external_id)
    (one,) = await measure.heard(began, linkedin.account, linkedin.http)
    assert (one.text, one.author, one.to) == ("Theirs", "ada", published.external_id)
    assert one.id.startswith(f"urn:li:comment:({published.external_id},")
    assert one.permalink == published.permalink
