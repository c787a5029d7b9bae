"""How Facebook lets us in by a person for their Page, and what it tells of the Page's posts."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from shared.adapter.contract import App, Grant
from shared.adapter.errors import Rejected, TryLater, Unauthorized
from shared.content import Content
from shared.platforms import specs
from shared.platforms.facebook import connect, measure
from tests.adapter.wire import reply
from tests.adapter.wire import running as scripted
from tests.platforms.conftest import Stage, stage_of
from tests.platforms.contents import text
from tests.platforms.sandbox import Sandbox


@pytest.fixture
async def facebook(sandbox: Sandbox) -> AsyncIterator[Stage]:
    async for stage in stage_of(specs()["facebook"], sandbox):
        yield stage


# ---- being let in ----------------------------------------------------------------------------------------------------


async def test_the_token_of_another_page_is_not_taken(facebook: Stage) -> None:
    with pytest.raises(Unauthorized, match="not one of its Page"):
        await connect.verify(replace(facebook.account, id="1"), facebook.http)


async def test_a_version_that_is_gone_is_for_the_accounts_keeper(facebook: Stage) -> None:
    with pytest.raises(Unauthorized, match="2635"):
        await connect.verify(replace(facebook.account, version="v3.2"), facebook.http)


async def test_the_redirects_fragment_is_no_page_and_a_pages_id_is(facebook: Stage) -> None:
    name = facebook.account.handle.removeprefix("@")
    app = App("client", "client-secret", "https://carillon.example/connected", facebook.account.base_url)
    grant = await connect.exchange(app, f"code-{name}#_=_", "", facebook.http)
    assert (grant.account_id, grant.expires_at) == (facebook.account.id, None)
    assert grant.refresh_token
    other = facebook.fresh()
    with pytest.raises(Unauthorized, match="opened no Page 1 "):
        await connect.exchange(app, f"code-{other.account.handle.removeprefix('@')}#1", "", facebook.http)


async def test_of_several_pages_the_person_or_the_code_says_which(facebook: Stage) -> None:
    def told(head: str, _body: bytes) -> bytes:
        pages = [
            {"id": n, "name": f"Page {n}", "access_token": f"token-{n}", "tasks": ["CREATE_CONTENT"]} for n in "12"
        ]
        only_read = {"id": "3", "name": "Page 3", "access_token": "token-3", "tasks": ["ANALYZE"]}
        granted = {"access_token": "a-persons", "expires_in": 5_184_000}
        return reply(200, {"data": [*pages, only_read]} if "/me/accounts" in head else granted)

    async with scripted() as wire:
        wire.answer = told
        app = App("client", "client-secret", "https://carillon.example/connected", wire.url)
        with pytest.raises(Rejected, match=r"Page 1 \(1\), Page 2 \(2\)"):
            await connect.exchange(app, "a-code", "", facebook.http)
        grant = await connect.exchange(app, "a-code#2", "", facebook.http)
        assert (grant.account_id, grant.access_token, grant.refresh_token) == ("2", "token-2", "a-persons")
        with pytest.raises(Unauthorized):
            await connect.exchange(app, "a-code#3", "", facebook.http)
        assert not any("client-secret" in head or "a-persons" in head.split("\r\n")[0] for head, _ in wire.asked)


async def test_without_the_persons_token_a_person_is_told_how_to_revoke(facebook: Stage) -> None:
    app = App("client", "client-secret", "https://carillon.example/connected", facebook.account.base_url)
    with pytest.raises(Rejected, match="by hand"):
        await connect.revoke(app, Grant("a-pages"), facebook.http)


# ---- measuring -------------------------------------------------------------------------------------------------------


async def test_many_posts_are_measured_in_few_calls(facebook: Stage) -> None:
    ids = [(await facebook.trial(Content(text=f"Post {n}")).until_public()).external_id for n in range(30)]
    facebook.sandbox.advance(3_600)
    before = len(_batches(facebook))
    measured = await measure.measure([*ids, f"{facebook.account.id}_1"], facebook.account, facebook.http)
    assert [one.external_id for one in measured] == ids
    assert set(measured[0].values) == set(facebook.spec.metrics.values())
    assert len(_batches(facebook)) - before == 2


def _batches(stage: Stage) -> list[dict[str, Any]]:
    told = stage.sandbox.control.get("/_ledger/requests", params={"platform": "facebook"}).json()["requests"]
    return [one for one in told if one["method"] == "POST" and one["path"] == "/v26.0/"]


async def test_a_figure_that_facebook_no_longer_has_costs_no_other(
    facebook: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = await facebook.trial(text()).until_public()
    facebook.sandbox.advance(3_600)
    monkeypatch.setattr(measure, "INSIGHTS", ("post_media_view", "post_impressions"))
    (measured,) = await measure.measure([published.external_id], facebook.account, facebook.http)
    assert measured.values["views"] > 0
    assert not {"reach", "clicks"} & set(measured.values)
    assert measured.awaited == frozenset()


async def test_figures_that_are_not_there_yet_are_awaited(facebook: Stage) -> None:
    def told(_head: str, _body: bytes) -> bytes:
        counts = '{"id": "1_2", "reactions": {"data": [], "summary": {"total_count": 0}}}'
        return reply(200, [{"code": 200, "body": counts}, {"code": 200, "body": '{"data": []}'}])

    async with scripted() as wire:
        wire.answer = told
        account = replace(facebook.account, base_url=wire.url)
        (measured,) = await measure.measure(["1_2"], account, facebook.http)
    assert measured.values == {"likes": 0}
    assert measured.awaited == {"views", "reach", "clicks"}


async def test_a_batch_not_answered_in_time_is_asked_again(facebook: Stage) -> None:
    async with scripted() as wire:
        wire.always(reply(200, [None, None]))
        with pytest.raises(TryLater, match="in time"):
            await measure.measure(["1_2"], replace(facebook.account, base_url=wire.url), facebook.http)
