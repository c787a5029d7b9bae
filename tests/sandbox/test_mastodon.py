"""Mastodon's stand-in gives the answers that were recorded from a real server of version 4.7.3."""

import re

import httpx
import pytest

from tests.sandbox.conftest import picture

STATUSES = "/mastodon/api/v1/statuses"


async def upload(mastodon: httpx.AsyncClient, data: bytes | None = None, **form: str) -> httpx.Response:
    files = {"file": ("picture.png", data or picture(), "image/png")}
    return await mastodon.post("/mastodon/api/v2/media", files=files, data=form)


async def test_a_repeat_key_gives_the_same_status_for_an_hour(mastodon: httpx.AsyncClient) -> None:
    async def post(text: str = "Hello", account: str = "wikipedia") -> str:
        headers = {"Idempotency-Key": "k1", "Authorization": f"Bearer sandbox-{account}"}
        answer = await mastodon.post(STATUSES, json={"status": text}, headers=headers)
        assert answer.status_code == 200
        return str(answer.json()["id"])

    first = await post()
    assert await post("Another text") == first
    assert await post(account="wikimedia") != first
    await mastodon.put("/_clock", json={"ahead": 3601})
    assert await post() != first
    posts = (await mastodon.get("/_ledger", params={"account": "wikipedia"})).json()["posts"]
    assert [post["key"] for post in posts] == ["k1", "k1"]


async def test_a_repeat_after_deletion_is_a_404(mastodon: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "k2"}
    status = (await mastodon.post(STATUSES, json={"status": "Hello"}, headers=headers)).json()
    deleted = await mastodon.delete(f"{STATUSES}/{status['id']}")
    assert deleted.json()["text"] == "Hello"
    assert (await mastodon.delete(f"{STATUSES}/{status['id']}")).status_code == 404
    assert (await mastodon.post(STATUSES, json={"status": "Hello"}, headers=headers)).status_code == 404
    assert (await mastodon.get("/_ledger")).json()["count"] == 0


async def test_json_and_form_mean_the_same(mastodon: httpx.AsyncClient) -> None:
    media = [(await upload(mastodon, picture(n, 2), description=f"Alt {n}")).json()["id"] for n in (3, 5)]
    common = {"status": "Vote #now", "language": "fr", "visibility": "unlisted", "spoiler_text": "Careful"}
    form = {**common, "sensitive": "1", "media_ids[]": media[:1], "poll[options][]": ["Yes", "No"]}
    poll = {"options": ["Yes", "No"], "expires_in": 600, "multiple": False}
    as_json = {**common, "sensitive": True, "media_ids": media[1:], "poll": poll}
    for answer in (
        await mastodon.post(STATUSES, data={**form, "poll[expires_in]": "600"}),
        await mastodon.post(STATUSES, json=as_json),
    ):
        assert answer.status_code == 200, answer.text
        assert [option["title"] for option in answer.json()["poll"]["options"]] == ["Yes", "No"]
        assert answer.json()["content"].startswith("<p>Vote <a href=")
    told = (await mastodon.get("/_ledger")).json()["posts"]
    assert [post["media"][0]["alt"] for post in told] == ["Alt 3", "Alt 5"]
    for post in told:
        assert (post["language"], post["visibility"], post["spoiler"]) == ("fr", "unlisted", "Careful")
        assert (post["sensitive"], post["poll"]["options"]) == (True, ["Yes", "No"])


@pytest.mark.parametrize(
    ("text", "spoiler", "fits"),
    [
        ("x" * 500, "", True),
        ("x" * 501, "", False),
        ("x" * 490, "y" * 11, False),
        ("👩‍👩‍👧‍👧" * 500, "", True),
        ("x" * 476 + " https://en.wikipedia.org/wiki/" + "A" * 300, "", True),
        ("x" * 477 + " https://en.wikipedia.org/wiki/" + "A" * 300, "", False),
        ("x" * 489 + " @wikimedia@a.very.long.server.example", "", True),
        ("", "", False),
        (" \n", "", False),
    ],
)
async def test_length(mastodon: httpx.AsyncClient, text: str, spoiler: str, fits: bool) -> None:
    await mastodon.put("/_quotas", json={"mastodon": "real"})
    answer = await mastodon.post(STATUSES, json={"status": text, "spoiler_text": spoiler})
    assert answer.status_code == (200 if fits else 422), answer.text
    assert int(answer.headers["x-ratelimit-remaining"]) == (299 if fits else 300)


async def test_a_server_that_takes_longer_texts(mastodon: httpx.AsyncClient) -> None:
    try:
        assert (await mastodon.put("/_limits", json={"mastodon_characters": 700})).status_code == 200
        told = (await mastodon.get("/mastodon/api/v2/instance")).json()["configuration"]["statuses"]
        assert told["max_characters"] == 700
        for length, status in ((700, 200), (701, 422)):
            answer = await mastodon.post(STATUSES, json={"status": "x" * length})
            assert answer.status_code == status, answer.text
        assert (await mastodon.put("/_limits", json={"mastodon_characters": 0})).status_code == 422
    finally:
        await mastodon.put("/_limits", json={"mastodon_characters": 500})


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"status": "x", "media_ids": ["1"]}, 422),
        ({"status": "x", "media_ids": ["1", "2", "3", "4", "5"]}, 422),
        ({"status": "x", "in_reply_to_id": "1"}, 404),
        ({"status": "x", "visibility": "loud"}, 400),
        ({"status": "x", "poll": {"options": ["One"], "expires_in": 600}}, 422),
        ({"status": "x", "poll": {"options": ["One", "Two"], "expires_in": 60}}, 422),
        ({"status": "x", "poll": {"options": ["One", "Two"], "expires_in": "9" * 5000}}, 422),
        ({"status": "x", "poll": {"options": ["One", "T" * 51], "expires_in": 600}}, 422),
        ({"status": {"x": 1}}, 400),
        ({"status": "x", "poll": "no"}, 400),
        (["status"], 400),
    ],
)
async def test_what_is_refused(mastodon: httpx.AsyncClient, body: object, status: int) -> None:
    answer = await mastodon.post(STATUSES, json=body)
    assert answer.status_code == status, answer.text
    assert isinstance(answer.json()["error"], str)
    assert (await mastodon.get("/_ledger")).json()["count"] == 0


async def test_media(mastodon: httpx.AsyncClient) -> None:
    ready = await upload(mastodon, description="A square", focus="0.1,-2")
    assert ready.status_code == 200
    entity = ready.json()
    assert entity["meta"]["original"]["size"] == "4x3"
    assert entity["meta"]["focus"] == {"x": 0.1, "y": -1.0}
    assert (await mastodon.get(entity["url"])).content == picture()
    changed = await mastodon.put(f"/mastodon/api/v1/media/{entity['id']}", data={"description": "Another"})
    assert changed.json()["description"] == "Another"
    assert (await upload(mastodon, description="x" * 10_001)).status_code == 422
    assert (await upload(mastodon, b"not a picture")).status_code == 422
    assert (await mastodon.post("/mastodon/api/v2/media", data={"description": "x"})).status_code == 422
    body = {"status": "Look", "media_ids": [entity["id"]]}
    foreign = {"Authorization": "Bearer sandbox-somebody"}
    assert (await mastodon.post(STATUSES, json=body, headers=foreign)).status_code == 422
    assert (await mastodon.post(STATUSES, json=body)).status_code == 200
    assert (await mastodon.post(STATUSES, json=body)).status_code == 422


async def test_slow_processing(mastodon: httpx.AsyncClient) -> None:
    await mastodon.post("/_faults", json={"platform": "mastodon", "kind": "slow_processing", "seconds": 100})
    slow = await upload(mastodon)
    assert (slow.status_code, slow.json()["url"]) == (202, None)
    address, body = f"/mastodon/api/v1/media/{slow.json()['id']}", {"status": "x", "media_ids": [slow.json()["id"]]}
    assert (await mastodon.get(address)).status_code == 206
    assert (await mastodon.post(STATUSES, json=body)).status_code == 422
    await mastodon.put("/_clock", json={"ahead": 101})
    assert (await mastodon.get(address)).status_code == 200
    assert (await mastodon.post(STATUSES, json=body)).status_code == 200


async def test_threads_edits_and_boosts(mastodon: httpx.AsyncClient) -> None:
    first = (await mastodon.post(STATUSES, json={"status": "One"})).json()
    second = (await mastodon.post(STATUSES, json={"status": "Two", "in_reply_to_id": first["id"]})).json()
    third = (await mastodon.post(STATUSES, json={"status": "Three", "in_reply_to_id": second["id"]})).json()
    context = (await mastodon.get(f"{STATUSES}/{second['id']}/context")).json()
    assert [[one["id"] for one in context[side]] for side in ("ancestors", "descendants")] == [
        [first["id"]],
        [third["id"]],
    ]
    edited = await mastodon.put(f"{STATUSES}/{first['id']}", json={"status": "One, better"})
    assert (edited.json()["id"], bool(edited.json()["edited_at"])) == (first["id"], True)
    source = await mastodon.get(f"{STATUSES}/{first['id']}/source")
    assert source.json() == {"id": first["id"], "text": "One, better", "spoiler_text": ""}
    boosts = [(await mastodon.post(f"{STATUSES}/{first['id']}/reblog")).json() for _ in range(2)]
    assert boosts[0]["id"] == boosts[1]["id"]
    assert boosts[0]["reblog"]["id"] == first["id"]
    posts = (await mastodon.get("/_ledger")).json()["posts"]
    assert [(post["kind"], post["text"], post["reply_to"], post["root"], post["edits"]) for post in posts] == [
        ("post", "One, better", None, None, 1),
        ("post", "Two", first["id"], first["id"], 0),
        ("post", "Three", second["id"], first["id"], 0),
        ("repost", "", None, None, 0),
    ]


async def test_an_accounts_statuses(mastodon: httpx.AsyncClient) -> None:
    ids = [(await mastodon.post(STATUSES, json={"status": f"No. {n}"})).json()["id"] for n in range(4)]
    await mastodon.post(f"{STATUSES}/{ids[0]}/reblog")
    await mastodon.put("/_followers", json={"mastodon": {"wikipedia": 123}})
    me = (await mastodon.get("/mastodon/api/v1/accounts/verify_credentials")).json()
    found = (await mastodon.get("/mastodon/api/v1/accounts/lookup", params={"acct": "wikipedia"})).json()
    assert (found["id"], found["followers_count"]) == (me["id"], 123)
    address = f"/mastodon/api/v1/accounts/{me['id']}/statuses"
    newer = await mastodon.get(address, params={"since_id": ids[0], "exclude_reblogs": "true"})
    assert [one["id"] for one in newer.json()] == ids[:0:-1]
    page = await mastodon.get(address, params={"min_id": ids[0], "limit": 2, "exclude_reblogs": "true"})
    assert [one["id"] for one in page.json()] == [ids[2], ids[1]]
    assert f"max_id={ids[1]}" in page.headers["link"]


async def test_rate_limits(mastodon: httpx.AsyncClient) -> None:
    await mastodon.put("/_quotas", json={"mastodon": {"statuses_3h": 1}})
    fine = await mastodon.post(STATUSES, json={"status": "One"})
    full = await mastodon.post(STATUSES, json={"status": "Two"})
    assert (fine.headers["x-ratelimit-remaining"], full.status_code) == ("0", 429)
    assert full.headers["x-ratelimit-limit"] == "1"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:00\.000000Z", full.headers["x-ratelimit-reset"])
    await mastodon.put("/_quotas", json={"mastodon": "open"})
    opened = await mastodon.post(STATUSES, json={"status": "Two"})
    assert opened.status_code == 200
    assert "x-ratelimit-limit" not in opened.headers


async def test_instance_and_token(http: httpx.AsyncClient) -> None:
    instance = (await http.get("/mastodon/api/v2/instance")).json()
    assert instance["configuration"]["statuses"] == {
        "max_characters": 500,
        "max_media_attachments": 4,
        "characters_reserved_per_url": 23,
    }
    for token in ("", "Bearer guess", "Bearer sandbox-", "Bearer sandbox-../x"):
        answer = await http.post(STATUSES, json={"status": "x"}, headers={"Authorization": token})
        assert (answer.status_code, answer.json()) == (401, {"error": "The access token is invalid"})


async def test_an_edit_drops_what_is_not_sent_again(mastodon: httpx.AsyncClient) -> None:
    media = (await upload(mastodon)).json()["id"]
    body = {"status": "One", "spoiler_text": "Careful", "media_ids": [media]}
    status = (await mastodon.post(STATUSES, json=body)).json()
    same = await mastodon.put(f"{STATUSES}/{status['id']}", json=body)
    assert same.json()["edited_at"] is None
    edited = (await mastodon.put(f"{STATUSES}/{status['id']}", json={"status": "Two"})).json()
    assert (edited["media_attachments"], edited["spoiler_text"], edited["sensitive"]) == ([], "", False)
    (post,) = (await mastodon.get("/_ledger")).json()["posts"]
    assert (post["text"], post["media"], post["edits"]) == ("Two", [], 1)


async def test_quotes_and_boosts_of_what_is_deleted(mastodon: httpx.AsyncClient) -> None:
    first = (await mastodon.post(STATUSES, json={"status": "One"})).json()
    quote = (await mastodon.post(STATUSES, json={"status": "Two", "quoted_status_id": first["id"]})).json()
    assert (quote["quote"]["state"], quote["quote"]["quoted_status"]["id"]) == ("accepted", first["id"])
    boost = (await mastodon.post(f"{STATUSES}/{first['id']}/reblog")).json()
    await mastodon.delete(f"{STATUSES}/{first['id']}")
    assert (await mastodon.get(f"{STATUSES}/{boost['id']}")).status_code == 404
    left = (await mastodon.get(f"{STATUSES}/{quote['id']}")).json()
    assert left["quote"] == {"state": "deleted", "quoted_status": None}
    again = await mastodon.post(STATUSES, json={"status": "Three", "quoted_status_id": first["id"]})
    assert again.status_code == 404


async def test_a_boost_is_taken_back(mastodon: httpx.AsyncClient) -> None:
    first = (await mastodon.post(STATUSES, json={"status": "One"})).json()
    await mastodon.post(f"{STATUSES}/{first['id']}/reblog")
    for _ in range(2):
        assert (await mastodon.post(f"{STATUSES}/{first['id']}/unreblog")).json()["id"] == first["id"]
    assert [post["text"] for post in (await mastodon.get("/_ledger")).json()["posts"]] == ["One"]


async def test_several_statuses_at_once(mastodon: httpx.AsyncClient) -> None:
    ids = [(await mastodon.post(STATUSES, json={"status": f"No. {n}"})).json()["id"] for n in range(2)]
    found = await mastodon.get(STATUSES, params={"id[]": [*ids, "1"]})
    assert [one["id"] for one in found.json()] == ids


async def test_an_application_is_let_in_once_by_a_code(http: httpx.AsyncClient) -> None:
    app = {"client_id": "c", "client_secret": "s"}
    asked = {**app, "grant_type": "authorization_code", "code": "code-oauth", "redirect_uri": "https://x.example"}
    token = (await http.post("/mastodon/oauth/token", data=asked)).json()
    assert token["token_type"] == "Bearer"
    assert "expires_in" not in token
    for wrong, status, error in (
        (asked, 400, "invalid_grant"),
        ({**asked, "client_secret": ""}, 401, "invalid_client"),
        ({**asked, "grant_type": "password"}, 400, "unsupported_grant_type"),
    ):
        refused = await http.post("/mastodon/oauth/token", data=wrong)
        assert (refused.status_code, refused.json()["error"]) == (status, error)
    bearer = {"Authorization": f"Bearer {token['access_token']}"}
    own = "/mastodon/api/v1/accounts/verify_credentials"
    assert (await http.get(own, headers=bearer)).json()["acct"] == "oauth"
    for _ in range(2):
        assert (await http.post("/mastodon/oauth/revoke", data={**app, "token": token["access_token"]})).json() == {}
    assert (await http.get(own, headers=bearer)).status_code == 401


async def test_notifications_within_bounds(mastodon: httpx.AsyncClient) -> None:
    said = {"platform": "mastodon", "account": "wikipedia", "author": "ada", "text": "Hi"}
    ids = [(await mastodon.post("/_voices", json={**said, "kind": kind})).json()["id"] for kind in ("mention", "quote")]
    address = "/mastodon/api/v1/notifications"
    told = (await mastodon.get(address)).json()
    assert [(one["id"], one["type"]) for one in told] == [(ids[1], "quote"), (ids[0], "mention")]
    for params, left in (
        ({"types[]": "quote"}, ids[1:]),
        ({"max_id": ids[1]}, ids[:1]),
        ({"since_id": ids[0]}, ids[1:]),
        ({"limit": 1}, ids[1:]),
    ):
        assert [one["id"] for one in (await mastodon.get(address, params=params)).json()] == left
