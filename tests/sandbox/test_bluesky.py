"""Bluesky's stand-in gives the answers that were observed on the reference server."""

import httpx
import pytest

from tests.platforms.contents import film
from tests.sandbox.conftest import RKEY, Bluesky, login, picture, record


async def test_the_same_record_again_changes_nothing(bluesky: Bluesky) -> None:
    first = await bluesky.put(swapRecord=None)
    again = await bluesky.put(swapRecord=None)
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json()["cid"] == again.json()["cid"]
    assert "commit" in first.json()
    assert "commit" not in again.json()
    other = await bluesky.put("Other", swapRecord=None)
    assert (other.status_code, other.json()["error"]) == (400, "InvalidSwap")
    ledger = (await bluesky.http.get("/_ledger")).json()
    assert [(post["text"], post["key"], post["edits"]) for post in ledger["posts"]] == [("Hello", RKEY, 0)]


async def test_a_record_key_in_use_is_a_500(bluesky: Bluesky) -> None:
    body = {"repo": bluesky.did, "collection": "app.bsky.feed.post", "rkey": RKEY, "record": record("One")}
    assert (await bluesky.call("repo.createRecord", body)).status_code == 200
    again = await bluesky.call("repo.createRecord", body)
    assert (again.status_code, again.json()["error"]) == (500, "InternalServerError")


async def test_without_a_record_key_there_are_two_posts(bluesky: Bluesky) -> None:
    body = {"repo": "wikipedia.org", "collection": "app.bsky.feed.post", "record": record("One")}
    uris = [(await bluesky.call("repo.createRecord", body)).json()["uri"] for _ in range(2)]
    assert len(set(uris)) == 2
    assert (await bluesky.http.get("/_ledger/counts")).json() == {"bluesky": {"wikipedia.org": 2}}


async def test_edit_and_delete(bluesky: Bluesky) -> None:
    await bluesky.put("One")
    assert (await bluesky.put("Two")).json()["commit"]
    post = (await bluesky.http.get("/_ledger")).json()["posts"][0]
    assert (post["text"], post["edits"]) == ("Two", 1)
    where = {"repo": bluesky.did, "collection": "app.bsky.feed.post", "rkey": RKEY}
    assert (await bluesky.http.get("/bluesky/xrpc/com.atproto.repo.getRecord", params=where)).status_code == 200
    for _ in range(2):
        assert (await bluesky.call("repo.deleteRecord", where)).status_code == 200
    gone = await bluesky.http.get("/bluesky/xrpc/com.atproto.repo.getRecord", params=where)
    assert (gone.status_code, gone.json()["error"]) == (400, "RecordNotFound")
    assert (await bluesky.http.get("/_ledger")).json()["count"] == 0
    assert (await bluesky.http.get("/_ledger", params={"removed": True})).json()["count"] == 1


async def test_apply_writes_is_all_or_nothing(bluesky: Bluesky) -> None:
    def create(rkey: str, text: str) -> dict[str, object]:
        kind = "com.atproto.repo.applyWrites#create"
        return {"$type": kind, "collection": "app.bsky.feed.post", "rkey": rkey, "value": record(text)}

    writes = [create("3k2akyxy2tk22", "a"), create("3k2akyxy2tk23", "b")]
    done = await bluesky.call("repo.applyWrites", {"repo": bluesky.did, "writes": writes})
    assert [result["validationStatus"] for result in done.json()["results"]] == ["valid", "valid"]
    clash = [create("3k2akyxy2tk24", "c"), create("3k2akyxy2tk23", "b")]
    assert (await bluesky.call("repo.applyWrites", {"repo": bluesky.did, "writes": clash})).status_code == 500
    assert (await bluesky.http.get("/_ledger")).json()["count"] == 2
    many = {"repo": bluesky.did, "writes": [create("3k2akyxy2tk24", "c")] * 201}
    assert (await bluesky.call("repo.applyWrites", many)).json()["error"] == "InvalidRequest"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"text": "é" * 301}, "grapheme too big (maximum 300, got 301) at $.record.text"),
        ({"text": "👩‍👩‍👧‍👧" * 200}, "string too big (maximum 3000, got 5000) at $.record.text"),
        ({"text": 5}, "Expected string value type"),
        ({"createdAt": "yesterday"}, "Invalid datetime"),
        ({"langs": ["en", "fr", "de", "el"]}, "array too big (maximum 3, got 4)"),
        ({"reply": {"root": {}}}, 'Missing required key "uri"'),
        ({"embed": {"$type": "app.bsky.embed.images", "images": [{"alt": ""}]}}, 'Missing required key "image"'),
        ({"facets": [{"index": {"byteStart": -1, "byteEnd": 2}, "features": []}]}, "integer too small"),
    ],
)
async def test_a_bad_record_is_refused(bluesky: Bluesky, change: dict[str, object], message: str) -> None:
    body = {"repo": bluesky.did, "collection": "app.bsky.feed.post", "rkey": RKEY, "record": record("x") | change}
    answer = await bluesky.call("repo.putRecord", body)
    assert answer.status_code == 400
    assert answer.json()["error"] == "InvalidRequest"
    assert message in answer.json()["message"]
    assert (await bluesky.http.get("/_ledger")).json()["count"] == 0


async def test_three_hundred_families_of_emoji_fit_as_graphemes(bluesky: Bluesky) -> None:
    assert (await bluesky.put("👩‍👩‍👧‍👧" * 100 + "é" * 200)).status_code == 200


async def test_a_post_needs_a_tid(bluesky: Bluesky) -> None:
    assert "TID" in (await bluesky.put(rkey="my-first-post")).json()["message"]


async def test_pictures(bluesky: Bluesky) -> None:
    first = (await bluesky.upload(picture())).json()["blob"]
    again = (await bluesky.upload(picture())).json()["blob"]
    assert first == again
    assert first["ref"]["$link"].startswith("bafkrei")
    embed = {"$type": "app.bsky.embed.images", "images": [{"image": first, "alt": "A small square"}]}
    body = {"repo": bluesky.did, "collection": "app.bsky.feed.post", "rkey": RKEY}
    posted = await bluesky.call("repo.putRecord", body | {"record": record("Look", embed=embed)})
    assert posted.status_code == 200, posted.text
    media = (await bluesky.http.get("/_ledger")).json()["posts"][0]["media"][0]
    assert (media["alt"], media["width"], media["height"]) == ("A small square", 4, 3)
    assert (await bluesky.http.get(f"/_media/{media['sha256']}")).content == picture()


async def test_blob_trouble(bluesky: Bluesky) -> None:
    blob = (await bluesky.upload(picture())).json()["blob"]

    async def post(blob: object) -> httpx.Response:
        embed = {"$type": "app.bsky.embed.images", "images": [{"image": blob, "alt": ""}]}
        body = {"repo": bluesky.did, "collection": "app.bsky.feed.post", "rkey": RKEY}
        return await bluesky.call("repo.putRecord", body | {"record": record("Look", embed=embed)})

    unknown = {**blob, "ref": {"$link": "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"}}
    assert (await post(unknown)).json()["error"] == "BlobNotFound"
    assert (await post({**blob, "size": 1})).json()["error"] == "InvalidSize"
    big = (await bluesky.upload(b"\x89PNG\r\n\x1a\n" + bytes(2_000_000))).json()["blob"]
    assert "blob too big (maximum 2000000" in (await post(big)).json()["message"]
    assert (await bluesky.upload(b"")).json()["error"] == "InvalidRequest"
    oversized = await bluesky.upload(bytes(4_000_001))
    assert (oversized.status_code, oversized.json()["error"]) == (413, "PayloadTooLarge")


async def test_the_ledger_tells_what_facets_cover(bluesky: Bluesky) -> None:
    text = "Ευρώπη #wiki"
    start = len("Ευρώπη ".encode())

    def facet(start: int, end: int) -> dict[str, object]:
        feature = {"$type": "app.bsky.richtext.facet#tag", "tag": "wiki"}
        return {"index": {"byteStart": start, "byteEnd": end}, "features": [feature]}

    facets = [facet(start, start + 5), facet(1, 4), facet(0, 999)]
    body = {"repo": bluesky.did, "collection": "app.bsky.feed.post", "rkey": RKEY}
    await bluesky.call("repo.putRecord", body | {"record": record(text, facets=facets)})
    told = (await bluesky.http.get("/_ledger")).json()["posts"][0]["facet_text"]
    assert [facet["text"] for facet in told] == ["#wiki", None, None]
    assert told[0] | {"text": ""} == {"kind": "tag", "target": "wiki", "text": ""}


async def test_threads_and_reposts(bluesky: Bluesky) -> None:
    first = (await bluesky.put("One")).json()
    there = {"uri": first["uri"], "cid": first["cid"]}
    reply = record("Two", reply={"root": there, "parent": there})
    body = {"repo": bluesky.did, "collection": "app.bsky.feed.post", "record": reply}
    await bluesky.call("repo.createRecord", body)
    repost = {"subject": there, "createdAt": "2026-11-22T10:00:00Z"}
    for _ in range(2):
        body = {"repo": bluesky.did, "collection": "app.bsky.feed.repost", "record": repost}
        assert (await bluesky.call("repo.createRecord", body)).status_code == 200
    posts = (await bluesky.http.get("/_ledger")).json()["posts"]
    assert [(post["kind"], post["reply_to"]) for post in posts] == [
        ("post", None),
        ("post", first["uri"]),
        ("repost", None),
    ]


async def test_sessions_expire_and_rotate(bluesky: Bluesky) -> None:
    refresh = "/bluesky/xrpc/com.atproto.server.refreshSession"
    old = {"Authorization": f"Bearer {bluesky.session['refreshJwt']}"}
    await bluesky.http.put("/_clock", json={"ahead": 121 * 60})
    stale = await bluesky.put()
    assert (stale.status_code, stale.json()["error"]) == (400, "ExpiredToken")
    bluesky.session = (await bluesky.http.post(refresh, headers=old)).json()
    assert (await bluesky.put()).status_code == 200
    assert (await bluesky.http.post(refresh, headers=old)).status_code == 200
    await bluesky.http.put("/_clock", json={"ahead": 5 * 3600})
    assert (await bluesky.http.post(refresh, headers=old)).json()["error"] == "ExpiredToken"
    new = {"Authorization": f"Bearer {bluesky.session['refreshJwt']}"}
    await bluesky.http.put("/_clock", json={"ahead": 91 * 86_400})
    assert (await bluesky.http.post(refresh, headers=new)).json()["error"] == "ExpiredToken"


async def test_who_may_not_write(bluesky: Bluesky) -> None:
    bluesky.session["accessJwt"], access = bluesky.session["refreshJwt"], bluesky.session["accessJwt"]
    assert (await bluesky.put()).json() == {"error": "InvalidToken", "message": "Bad token scope"}
    bluesky.session["accessJwt"] = "nonsense"
    assert (await bluesky.put()).json()["error"] == "InvalidToken"
    unknown = await bluesky.http.post("/bluesky/xrpc/com.atproto.repo.putRecord", json={})
    assert (unknown.status_code, unknown.json()["error"]) == (401, "AuthMissing")
    bluesky.session["accessJwt"] = access
    other = await login(bluesky.http, "wikimediafoundation.org")
    foreign = await bluesky.call("repo.deleteRecord", {"repo": other.did, "collection": "a.b.c", "rkey": "x"})
    assert foreign.status_code == 401
    wrong = {"identifier": "wikipedia.org", "password": "guess"}
    answer = await bluesky.http.post("/bluesky/xrpc/com.atproto.server.createSession", json=wrong)
    assert (answer.status_code, answer.json()["error"]) == (401, "AuthenticationRequired")


async def test_limits(bluesky: Bluesky) -> None:
    fine = await bluesky.put()
    assert fine.headers["ratelimit-policy"] == "3000;w=300"
    await bluesky.http.put("/_quotas", json={"bluesky": {"points_hour": 3}})
    full = await bluesky.put("Again")
    assert (full.status_code, full.json()["error"]) == (429, "RateLimitExceeded")
    assert full.headers["ratelimit-limit"] == "3"
    assert full.headers["ratelimit-remaining"] == "0"
    assert 3500 < int(full.headers["retry-after"]) <= 3600
    await bluesky.http.put("/_quotas", json={"bluesky": "open"})
    opened = await bluesky.put("Again")
    assert opened.status_code == 200
    assert "ratelimit-limit" not in opened.headers


async def test_reading(bluesky: Bluesky) -> None:
    uri = (await bluesky.put()).json()["uri"]
    await bluesky.http.put("/_followers", json={"bluesky": {"wikipedia.org": 51_966}})
    await bluesky.http.put("/_clock", json={"ahead": 3600})
    posts = "/bluesky/xrpc/app.bsky.feed.getPosts"
    early = (await bluesky.http.get(posts, params={"uris": [uri, f"{uri}x"]})).json()["posts"]
    await bluesky.http.put("/_clock", json={"ahead": 86_400})
    late = (await bluesky.http.get(posts, params={"uris": uri})).json()["posts"]
    assert len(early) == 1
    assert 0 < early[0]["likeCount"] < late[0]["likeCount"]
    assert (await bluesky.http.get(posts, params={"uris": [uri] * 26})).status_code == 400
    profile = await bluesky.http.get("/bluesky/xrpc/app.bsky.actor.getProfile", params={"actor": bluesky.did})
    assert profile.json()["followersCount"] == 51_966
    resolve = "/bluesky/xrpc/com.atproto.identity.resolveHandle"
    resolved = await bluesky.http.get(resolve, params={"handle": "wikipedia.org"})
    assert resolved.json() == {"did": bluesky.did}
    assert (await bluesky.http.get(resolve, params={"handle": "nobody.invalid"})).status_code == 400
    listed = {"repo": bluesky.did, "collection": "app.bsky.feed.post"}
    records = (await bluesky.http.get("/bluesky/xrpc/com.atproto.repo.listRecords", params=listed)).json()["records"]
    assert [one["uri"] for one in records] == [uri]


XRPC = "/bluesky/xrpc"


async def trusted(bluesky: Bluesky, **asked: str) -> httpx.Response:
    """Ask for a token with which the video service may write."""
    server = (await bluesky.http.get(f"{XRPC}/com.atproto.server.describeServer")).json()["did"]
    params = {"aud": server, "lxm": "com.atproto.repo.uploadBlob", **asked}
    headers = {"Authorization": f"Bearer {bluesky.session['accessJwt']}"}
    return await bluesky.http.get(f"{XRPC}/com.atproto.server.getServiceAuth", params=params, headers=headers)


async def send(bluesky: Bluesky, data: bytes, token: str, did: str | None = None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "video/mp4"}
    params = {"did": did or bluesky.did, "name": "film.mp4"}
    return await bluesky.http.post(f"{XRPC}/app.bsky.video.uploadVideo", params=params, content=data, headers=headers)


async def test_a_video_is_a_job_and_then_a_blob(bluesky: Bluesky) -> None:
    await bluesky.http.post("/_faults", json={"platform": "bluesky", "kind": "slow_processing", "seconds": 100})
    token = (await trusted(bluesky)).json()["token"]
    job = (await send(bluesky, film(), token)).json()
    assert "blob" not in job
    again = await send(bluesky, film(), token)
    assert (again.status_code, again.json()["error"], again.json()["jobId"]) == (409, "already_exists", job["jobId"])
    await bluesky.http.put("/_clock", json={"ahead": 101})
    asked = {"jobId": job["jobId"]}
    told = (await bluesky.http.get(f"{XRPC}/app.bsky.video.getJobStatus", params=asked)).json()["jobStatus"]
    assert (told["state"], told["blob"]["size"]) == ("JOB_STATE_COMPLETED", len(film()))
    embed = {"$type": "app.bsky.embed.video", "video": told["blob"], "alt": "A field"}
    body = {"repo": bluesky.did, "collection": "app.bsky.feed.post", "rkey": RKEY}
    assert (await bluesky.call("repo.putRecord", body | {"record": record("Look", embed=embed)})).status_code == 200
    (medium,) = (await bluesky.http.get("/_ledger")).json()["posts"][0]["media"]
    assert (medium["mime"], medium["alt"], medium["height"]) == ("video/mp4", "A field", 960)


async def test_what_is_no_video_fails_as_a_job(bluesky: Bluesky) -> None:
    job = (await send(bluesky, b"no film", (await trusted(bluesky)).json()["token"])).json()
    assert (job["state"], job["failureCode"]) == ("JOB_STATE_FAILED", "validation_failure")
    unknown = await bluesky.http.get(f"{XRPC}/app.bsky.video.getJobStatus", params={"jobId": "x"})
    assert unknown.status_code == 400


async def test_whom_the_video_service_does_not_trust(bluesky: Bluesky) -> None:
    for asked in ({"lxm": "app.bsky.feed.getTimeline"}, {"aud": "did:web:elsewhere.example"}, {"exp": "1"}):
        token = (await trusted(bluesky, **asked)).json()["token"]
        assert (await send(bluesky, film(), token)).status_code == 401
    token = (await trusted(bluesky)).json()["token"]
    assert (await send(bluesky, film(), token, "did:plc:somebody")).status_code == 401
    assert (await trusted(bluesky, aud="did:web:127.0.0.1%3A80")).json()["error"] == "InvalidRequest"
    late = await trusted(bluesky, exp="99999999999")
    assert (late.status_code, late.json()["error"]) == (400, "BadExpiration")


async def test_notifications_of_the_reasons_asked_for(bluesky: Bluesky) -> None:
    uri = (await bluesky.put()).json()["uri"]
    said = {"platform": "bluesky", "account": "wikipedia.org", "author": "ada.example.org", "text": "Hi", "to": uri}
    for kind in ("reply", "quote"):
        await bluesky.http.post("/_voices", json={**said, "kind": kind})
    address = f"{XRPC}/app.bsky.notification.listNotifications"
    headers = {"Authorization": f"Bearer {bluesky.session['accessJwt']}"}
    told = (await bluesky.http.get(address, headers=headers)).json()["notifications"]
    assert [(one["reason"], one["reasonSubject"]) for one in told] == [("quote", uri), ("reply", uri)]
    assert told[1]["record"]["reply"]["parent"]["uri"] == uri
    only = (await bluesky.http.get(address, params={"reasons": ["reply"]}, headers=headers)).json()
    assert [one["reason"] for one in only["notifications"]] == ["reply"]
    page = (await bluesky.http.get(address, params={"limit": 1}, headers=headers)).json()
    rest = (await bluesky.http.get(address, params={"cursor": page["cursor"]}, headers=headers)).json()
    assert [one["reason"] for one in rest["notifications"]] == ["reply"]
    assert (await bluesky.http.get(address, params={"limit": 101}, headers=headers)).status_code == 400
    assert (await bluesky.http.get(address)).status_code == 401
