"""From nobody being let in to measured followers, on every platform."""

import pytest

from deploy.sandbox.people import number_of
from services.publisher.refreshed import Renewed, Works
from shared.adapter.errors import Unauthorized
from tests.accounts.house import CHANNELS, House
from tests.accounts.posting import publish

NAMES_NO_END = {"facebook", "mastodon"}


@pytest.mark.parametrize("platform", sorted(CHANNELS))
async def test_an_account_is_connected_publishes_is_renewed_and_measured(house: House, platform: str) -> None:
    channel = CHANNELS[platform]
    told = await house.connect(channel)
    assert (told["state"], told["channel"]) == ("connected", channel)
    assert await publish(house, platform, "Hello") == "published"
    first = await house.grant(channel)

    await house.grow_old(channel)
    (outcome,) = await house.look()
    assert isinstance(outcome, Works if platform in NAMES_NO_END else Renewed)
    if platform not in NAMES_NO_END:
        row = await house.row(channel)
        assert (row.version, row.previous is None) == (2, False)
        assert [type(one) for one in await house.look()] == [Works]  # the new one lets us in
    row = await house.row(channel)
    assert (row.state, row.previous, row.tries, row.reason) == ("connected", None, 0, None)
    assert await house.look() == []
    second = await house.grant(channel)
    assert (second.access_token == first.access_token) is (platform in NAMES_NO_END)

    house.accounts = house.accounts_with(house.keys)  # what a worker knew is older than its few seconds by then
    assert await publish(house, platform, "Hello again", number=1) == "published"
    await house.hear()
    token = await house.tokens.token_of(channel)
    assert token
    assert token.access == second.access_token
    assert await house.followers(channel) >= 0


async def test_every_channel_is_listed_and_no_secret_with_it(house: House) -> None:
    await house.connect(CHANNELS["linkedin"])
    told = (await house.call("GET", "")).json()["accounts"]
    assert {one["channel"] for one in told} == set(house.registry.current().channels)
    by_channel = {one["channel"]: one for one in told}
    assert by_channel[CHANNELS["x"]]["state"] == "unconnected"
    connected = by_channel[CHANNELS["linkedin"]]
    assert connected["state"] == "connected"
    assert 364 < connected["days_left"] <= 365
    assert set(connected["scopes"]) == {"w_organization_social", "r_organization_social", "rw_organization_admin"}
    row = await house.row(CHANNELS["linkedin"])
    assert row.account_id == number_of(house.handle(CHANNELS["linkedin"]))


@pytest.mark.parametrize("platform", sorted(CHANNELS))
async def test_an_account_is_given_back(house: House, platform: str) -> None:
    channel = CHANNELS[platform]
    await house.connect(channel)
    answer = await house.call("POST", f"/{channel}/revoke")
    assert answer.status_code == 200, answer.text
    assert answer.json()["account"]["state"] == "reconnect"
    assert bool(answer.json()["by_hand"]) is (platform in {"threads", "instagram"})
    row = await house.row(channel)
    assert (row.sealed, row.previous, row.due_at) == (None, None, None)
    house.accounts = house.accounts_with(house.keys)
    with pytest.raises(Unauthorized, match="given back"):
        await house.accounts.of(channel)
    await house.hear()
    assert await house.tokens.token_of(channel) is None
    again = await house.call("POST", f"/{channel}/revoke")
    assert (again.status_code, again.json()["by_hand"]) == (200, None)
