"""The controls, the request log, and malformed requests, which get the platform's own error and never a 500."""

import json

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy.sandbox.__main__ import read_settings
from deploy.sandbox.platforms.bluesky.cid import record_cid
from deploy.sandbox.traffic import mask
from tests.sandbox.conftest import Bluesky, login

STATUSES = "/mastodon/api/v1/statuses"
PUT = "/bluesky/xrpc/com.atproto.repo.putRecord"


async def test_the_ledger_filters_and_pages(bluesky: Bluesky) -> None:
    await bluesky.put("One")
    await (await login(bluesky.http, "other.example")).put("Two")
    token = {"Authorization": "Bearer sandbox-wikipedia"}
    await bluesky.http.post(STATUSES, json={"status": "Three"}, headers=token)

    async def texts(**params: str | int) -> list[str]:
        return [post["text"] for post in (await bluesky.http.get("/_ledger", params=params)).json()["posts"]]

    assert await texts() == ["One", "Two", "Three"]
    assert await texts(platform="bluesky") == ["One", "Two"]
    assert await texts(account="other.example") == ["Two"]
    first = (await bluesky.http.get("/_ledger", params={"limit": 1})).json()["posts"][0]
    assert await texts(since=first["seq"], limit=1) == ["Two"]
    assert (await bluesky.http.delete("/_ledger")).status_code == 204
    assert await texts() == []
    assert (await bluesky.put("One", swapRecord=None)).json()["commit"]
    assert await texts(since=first["seq"]) == ["One"]


async def test_the_request_log_masks_secrets(bluesky: Bluesky) -> None:
    await bluesky.put("Not secret")
    seen = (await bluesky.http.get("/_ledger/requests", params={"platform": "bluesky"})).text
    assert "Not secret" in seen
    assert '\\"password\\":\\"***\\"' in seen
    for secret in (bluesky.session["accessJwt"], bluesky.session["refreshJwt"], '\\"sandbox\\"'):
        assert secret not in seen
    assert (
        mask("grant_type=fb_exchange_token&fb_exchange_token=abc")
        == "grant_type=fb_exchange_token&fb_exchange_token=***"
    )
    assert mask("grant_type=x&client_secret=abc&a=b") == "grant_type=x&client_secret=***&a=b"


async def test_pages_for_people(bluesky: Bluesky) -> None:
    await bluesky.put("<script>alert(1)</script>")
    page = (await bluesky.http.get("/")).text
    assert "/mastodon" in page
    assert "&lt;script&gt;" in page
    assert {"bluesky", "commons", "mastodon"} <= set((await bluesky.http.get("/livez")).json()["platforms"])
    assert (await bluesky.http.get("/_quotas")).json()["bluesky"]["points_hour"] == {"limit": 5000, "seconds": 3600}


@pytest.mark.parametrize("wanted", [{"orkut": "open"}, {"bluesky": "shut"}, {"bluesky": {"unknown": 1}}])
async def test_impossible_quotas(http: httpx.AsyncClient, wanted: object) -> None:
    assert (await http.put("/_quotas", json=wanted)).status_code == 422


BROKEN_BODIES = [
    b"",
    b"{",
    b"[]",
    b"nan",
    b'{"record": NaN}',
    b'{"repo": "\\ud800"}',
    b"[" * 100_000,
    b"\xff\xfe",
    b'{"repo": 5}',
    b'{"status": "\\ud800"}',
]


@pytest.mark.parametrize("body", BROKEN_BODIES)
async def test_broken_bodies(bluesky: Bluesky, body: bytes) -> None:
    for address, token in ((PUT, bluesky.session["accessJwt"]), (STATUSES, "sandbox-wikipedia")):
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        answer = await bluesky.http.post(address, content=body, headers=headers)
        assert answer.status_code in (400, 422), answer.text
        assert "error" in answer.json()


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=b", b"--b\r\nnonsense"),
        ("application/x-www-form-urlencoded", b"status[a]=1&status=2&status[]=3"),
        ("application/x-www-form-urlencoded", b"poll=1&poll[options][]=2"),
        ("application/x-www-form-urlencoded", b"%ff=%fe&[]=1&[[=2"),
        ("text/plain", b"status=1"),
    ],
)
async def test_broken_forms(mastodon: httpx.AsyncClient, kind: str, body: bytes) -> None:
    for address in (STATUSES, "/mastodon/api/v2/media"):
        answer = await mastodon.post(address, content=body, headers={"Content-Type": kind})
        assert answer.status_code in (400, 422), answer.text


async def test_unknown_addresses_and_methods(http: httpx.AsyncClient) -> None:
    unknown = await http.get("/bluesky/xrpc/app.bsky.feed.searchPosts")
    assert (unknown.status_code, unknown.json()["error"]) == (501, "MethodNotImplemented")
    assert "expected POST" in (await http.get(PUT)).json()["message"]
    assert (await http.get("/mastodon/api/v1/nothing")).json() == {"error": "Not Found"}
    many = "&".join(f"a{n}=1" for n in range(1100))
    assert (await http.get(f"/bluesky/xrpc/app.bsky.feed.getPosts?{many}")).status_code == 400


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["$type", "ref", "$link", "uri", "text", "index", "features"]), inner)
    ),
    max_leaves=8,
)
FIELDS = st.sampled_from(["text", "createdAt", "facets", "embed", "reply", "langs", "tags", "subject", "labels"])


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.dictionaries(FIELDS, VALUES), check=st.sampled_from([True, False, None]), repost=st.booleans())
async def test_no_record_breaks_the_server(
    bluesky: Bluesky, changes: dict[str, object], check: bool | None, repost: bool
) -> None:
    await bluesky.http.put("/_quotas", json={"bluesky": "open"})
    kind = "app.bsky.feed.repost" if repost else "app.bsky.feed.post"
    record = {"$type": kind, "text": "x", "createdAt": "2026-11-22T10:00:00Z", **changes}
    body = {"repo": bluesky.did, "collection": kind, "record": record}
    answer = await bluesky.call("repo.createRecord", body if check is None else {**body, "validate": check})
    assert answer.status_code in (200, 400), answer.text
    assert (await bluesky.http.get("/_ledger")).status_code == 200
    await bluesky.http.delete("/_ledger")


def test_every_setting_is_an_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        read_settings(["--help"])
    shown = capsys.readouterr().out
    assert "--quotas" in shown
    assert "SANDBOX_PROCESSING_SECONDS" in shown
    assert read_settings(["--port", "1234", "--quotas", "open"]).quotas == "open"


def test_a_records_cid_is_that_of_dag_cbor() -> None:
    # The CID of an empty DAG-CBOR map is a well-known constant.
    assert record_cid({}) == "bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua"
    assert record_cid(json.loads('{"b":1,"aa":2}')) == record_cid(json.loads('{"aa":2,"b":1}'))
