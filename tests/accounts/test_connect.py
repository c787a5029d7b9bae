"""Connecting over the API: once, soon, the right account, and told clearly when not."""

from pathlib import Path
from uuid import uuid4

import pytest
import yaml

from shared.adapter.errors import Unauthorized
from shared.http.token import issue, make_key_pair
from tests.accounts.house import CHANNELS, House

X = CHANNELS["x"]


async def test_a_state_is_good_once(house: House) -> None:
    state = await house.state_of(X)
    code = f"code-{house.handle(X)}"
    assert (await house.back(state, code)).status_code == 200
    answer = await house.back(state, code)
    assert (answer.status_code, answer.json()["type"]) == (410, "urn:carillon:problem:connection-over")


@pytest.mark.parametrize("state", ["nobody", "x" * 200])
async def test_a_state_that_nobody_was_given_is_refused(house: House, state: str) -> None:
    assert (await house.back(state, "code")).status_code == 410


async def test_a_state_is_good_for_ten_minutes(house: House) -> None:
    state = await house.state_of(X)
    assert (await house.rows("SELECT ends_at - now() <= interval '10 minutes' FROM connection"))[0][0]
    await house.rows("UPDATE connection SET ends_at = now()")
    assert (await house.back(state, f"code-{house.handle(X)}")).status_code == 410
    await house.watch()
    assert await house.rows("SELECT * FROM connection") == []


async def test_another_account_is_refused_and_nothing_is_kept(house: House) -> None:
    answer = await house.back(await house.state_of(X), "code-somebodyelse")
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:carillon:problem:another-account")
    assert f"@somebodyelse, but {X} is @{house.handle(X)}" in answer.json()["detail"]
    assert await house.rows("SELECT * FROM account") == []
    assert await house.said() == []


async def test_a_wrong_code_is_refused_and_not_repeated(house: House) -> None:
    answer = await house.back(await house.state_of(X), "code-that-is-wrong-")
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:carillon:problem:not-let-in")
    assert "code-that-is-wrong" not in answer.text


async def test_an_owner_who_refuses_is_told_of(house: House) -> None:
    params = {"state": await house.state_of(X), "error": "access_denied"}
    answer = await house.call("GET", "/callback", params=params)
    assert answer.status_code == 409
    assert "access_denied" in answer.json()["detail"]


async def test_a_platform_in_trouble_is_told_of(house: House) -> None:
    state = await house.state_of(X)
    house.sandbox.arm("x", "refuse_500")
    answer = await house.back(state, f"code-{house.handle(X)}")
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:carillon:problem:platform-unavailable")
    assert await house.rows("SELECT * FROM account") == []


async def test_the_same_key_gives_the_same_address(house: House) -> None:
    key = str(uuid4())
    first, again = await house.begin(X, key), await house.begin(X, key)
    assert first.json() == again.json()
    assert ("Idempotent-Replayed" in first.headers, again.headers["Idempotent-Replayed"]) == (False, "true")
    other = await house.begin(CHANNELS["tiktok"], key)
    assert (other.status_code, other.json()["type"]) == (422, "urn:carillon:problem:idempotency-key-reused")
    missing = await house.call("POST", f"/{X}/connect", json={})
    assert (missing.status_code, missing.json()["type"]) == (400, "urn:carillon:problem:idempotency-key-missing")
    await house.rows("UPDATE connection SET ends_at = now()")
    assert (await house.begin(X, key)).json()["state"] != first.json()["state"]


@pytest.mark.parametrize("channel", ["nobody/x", "wikipedia/nowhere"])
async def test_a_channel_that_is_none_of_ours_is_not_connected(house: House, channel: str) -> None:
    assert (await house.begin(channel)).status_code == 404


async def test_without_an_app_nobody_is_sent_away(house: House) -> None:
    said = house.settings.apps_file.read_text()
    house.settings.apps_file.write_text(yaml.safe_dump({"tiktok": yaml.safe_load(said)["tiktok"]}))
    try:
        answer = await house.begin(X)
    finally:
        house.settings.apps_file.write_text(said)
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:carillon:problem:not-configured")
    assert "APPS_FILE" in answer.json()["detail"]


@pytest.mark.parametrize(("method", "path"), [("POST", f"/{X}/connect"), ("POST", f"/{X}/revoke"), ("GET", "")])
async def test_nobody_unknown_is_answered(house: House, method: str, path: str) -> None:
    assert (await house.call(method, path, headers={"Authorization": ""})).status_code == 401


async def test_only_operators_connect_and_give_back(house: House, tmp_path: Path) -> None:
    key = make_key_pair(tmp_path / "jwt.pem", tmp_path / "jwt.pub.pem")
    reader = {"Authorization": f"Bearer {issue(key, 'reader', ['posts:read'])}", "Idempotency-Key": "1"}
    for path in (f"/{X}/connect", f"/{X}/revoke", "/callback"):
        answer = await house.call("POST", path, headers=reader, json={"state": "a", "code": "b"})
        assert (answer.status_code, answer.json()["type"]) == (403, "urn:carillon:problem:scope-missing")
    assert (await house.call("GET", "", headers=reader)).status_code == 200
    without_body = await house.call("POST", f"/{X}/connect", headers={"Idempotency-Key": "1"})
    assert without_body.status_code == 200


async def test_a_linkedin_page_that_is_not_named_is_asked_for(house: House) -> None:
    channel = CHANNELS["linkedin"]
    answer = await house.back(await house.state_of(channel), f"code-{house.handle(channel)}")
    assert answer.status_code == 409
    assert "the number of the organization" in answer.json()["detail"]


async def test_what_was_never_connected_cannot_be_given_back(house: House) -> None:
    answer = await house.call("POST", f"/{X}/revoke")
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:carillon:problem:not-connected")


async def test_what_is_being_renewed_cannot_be_given_back_at_the_same_time(house: House) -> None:
    await house.connect(X)
    await house.set(X, "due_at = now()")
    assert len(await house.claim()) == 1
    answer = await house.call("POST", f"/{X}/revoke")
    assert (answer.status_code, answer.headers["Retry-After"]) == (409, "15")


async def test_a_platform_in_trouble_keeps_the_account(house: House) -> None:
    await house.connect(X)
    house.sandbox.arm("x", "refuse_500")
    assert (await house.call("POST", f"/{X}/revoke")).status_code == 503
    row = await house.row(X)
    assert (row.state, row.lease_until) == ("connected", None)
    assert row.sealed


async def test_the_file_is_used_only_where_nobody_was_connected(house: House) -> None:
    secrets = {"access_token": "from-the-file", "id": "17"}
    house.settings.accounts_file.write_text(yaml.safe_dump({X: secrets}))
    account = await house.accounts.of(X)
    assert (account.secrets, account.id) == ({"access_token": "from-the-file"}, "17")
    with pytest.raises(Unauthorized, match="ACCOUNTS_FILE"):
        await house.accounts.of(CHANNELS["tiktok"])
    await house.connect(X)
    house.accounts = house.accounts_with(house.keys)
    account = await house.accounts.of(X)
    assert account.secrets == {"access_token": (await house.grant(X)).access_token}
    assert account.id == "17"  # X names none in its answer
    await house.call("POST", f"/{X}/revoke")
    house.accounts = house.accounts_with(house.keys)
    with pytest.raises(Unauthorized, match="given back"):
        await house.accounts.of(X)
