"""TikTok's stand-in answers as its pages document: codes in the envelope, chunks in order, ids after moderation."""

from typing import Any

import httpx
import pytest

INFO = {"title": "A film", "privacy_level": "PUBLIC_TO_EVERYONE"}
ONE = {"source": "FILE_UPLOAD", "video_size": 1_000, "chunk_size": 1_000, "total_chunk_count": 1}
TWO = {"source": "FILE_UPLOAD", "video_size": 11_000_000, "chunk_size": 5_500_000, "total_chunk_count": 2}
PHOTO = {"source": "PULL_FROM_URL", "photo_images": ["http://127.0.0.1:9/no"], "photo_cover_index": 0}


@pytest.fixture
def tiktok(http: httpx.AsyncClient) -> httpx.AsyncClient:
    http.headers["Authorization"] = "Bearer sandbox-wikipedia"
    return http


async def post(tiktok: httpx.AsyncClient, path: str, body: object, **more: Any) -> httpx.Response:
    return await tiktok.post(f"/tiktok/v2{path}", json=body, **more)


async def video(tiktok: httpx.AsyncClient, source: object, info: object = INFO, **more: Any) -> httpx.Response:
    return await post(tiktok, "/post/publish/video/init/", {"post_info": info, "source_info": source}, **more)


async def photos(tiktok: httpx.AsyncClient, source: object = PHOTO, **about: object) -> httpx.Response:
    whole = {"media_type": "PHOTO", "post_mode": "DIRECT_POST", "post_info": {**INFO, **about}, "source_info": source}
    return await post(tiktok, "/post/publish/content/init/", whole)


async def put(tiktok: httpx.AsyncClient, address: str, first: int, last: int, total: int) -> httpx.Response:
    headers = {"Content-Range": f"bytes {first}-{last}/{total}", "Content-Type": "video/mp4"}
    return await tiktok.put(address, content=bytes(last + 1 - first), headers=headers)


async def state_of(tiktok: httpx.AsyncClient, publish_id: str) -> Any:
    told = await post(tiktok, "/post/publish/status/fetch/", {"publish_id": publish_id})
    assert told.json()["error"]["code"] == "ok"
    return told.json()["data"]


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def test_the_envelope_says_ok_and_what_the_account_may(tiktok: httpx.AsyncClient) -> None:
    told = (await post(tiktok, "/post/publish/creator_info/query/", {})).json()
    assert set(told["error"]) == {"code", "message", "log_id"}
    assert told["error"]["code"] == "ok"
    assert told["data"]["creator_username"] == "wikipedia"
    assert "PUBLIC_TO_EVERYONE" in told["data"]["privacy_level_options"]


@pytest.mark.parametrize(
    "source",
    [
        {**ONE, "total_chunk_count": 2},
        {**ONE, "chunk_size": 500, "total_chunk_count": 2},
        {**ONE, "video_size": 4_000_000_001},
        {**ONE, "video_size": 70_000_000, "chunk_size": 70_000_000},
        {**TWO, "chunk_size": 4_000_000},
        {"source": "FILE_UPLOAD"},
    ],
)
async def test_a_video_that_is_announced_wrongly(tiktok: httpx.AsyncClient, source: object) -> None:
    assert refusal(await video(tiktok, source)) == (400, "invalid_param")


async def test_what_is_said_of_a_post_is_checked(tiktok: httpx.AsyncClient) -> None:
    assert refusal(await video(tiktok, ONE, {**INFO, "title": "😀" * 1_100 + "a"})) == (400, "invalid_param")
    assert refusal(await video(tiktok, ONE, {"title": "A film"})) == (400, "invalid_param")
    level = {**INFO, "privacy_level": "FOLLOWER_OF_CREATOR"}
    assert refusal(await video(tiktok, ONE, level)) == (403, "privacy_level_option_mismatch")
    assert refusal(await photos(tiktok, title="a" * 91)) == (400, "invalid_param")
    assert refusal(await photos(tiktok, {**PHOTO, "photo_images": ["http://x"] * 36})) == (400, "invalid_param")
    nobody = {"Authorization": "Bearer nobody"}
    assert refusal(await video(tiktok, ONE, headers=nobody)) == (401, "access_token_invalid")


async def test_chunks_come_in_order_and_the_answer_says_what_is_there(tiktok: httpx.AsyncClient) -> None:
    data = (await video(tiktok, TWO)).json()["data"]
    address, publish_id = data["upload_url"], data["publish_id"]
    assert len(publish_id) <= 64
    early = await put(tiktok, address, 5_500_000, 10_999_999, 11_000_000)
    assert (early.status_code, early.headers["content-range"]) == (416, "bytes 0-0/11000000")
    assert (await put(tiktok, address, 0, 5_499_999, 11_000_000)).status_code == 206
    again = await put(tiktok, address, 0, 5_499_999, 11_000_000)
    assert (again.status_code, again.headers["content-range"]) == (416, "bytes 0-5500000/11000000")
    assert await state_of(tiktok, publish_id) == {"status": "PROCESSING_UPLOAD", "uploaded_bytes": 5_500_000}
    assert (await put(tiktok, address, 5_500_000, 10_999_999, 11_000_000)).status_code == 201
    told = await state_of(tiktok, publish_id)
    assert (told["status"], told["fail_reason"]) == ("FAILED", "file_format_check_failed")
    assert (await tiktok.get("/_ledger")).json()["count"] == 0


@pytest.mark.parametrize(
    ("size", "chunk", "count", "statuses"),
    [(50_000_123, 10_000_000, 5, [206, 206, 206, 206, 201]), (4_194_304, 4_194_304, 1, [201])],
)
async def test_the_guides_own_examples(
    tiktok: httpx.AsyncClient, size: int, chunk: int, count: int, statuses: list[int]
) -> None:
    """The two uploads that content-posting-api-media-transfer-guide shows byte by byte."""
    source = {"source": "FILE_UPLOAD", "video_size": size, "chunk_size": chunk, "total_chunk_count": count}
    address = (await video(tiktok, source)).json()["data"]["upload_url"]
    last = [chunk * number - 1 for number in range(1, count)] + [size - 1]
    spans = zip([0, *(one + 1 for one in last)], last, strict=False)
    assert [(await put(tiktok, address, start, end, size)).status_code for start, end in spans] == statuses


async def test_an_address_for_a_video_ends(tiktok: httpx.AsyncClient) -> None:
    address = (await video(tiktok, ONE)).json()["data"]["upload_url"]
    assert (await put(tiktok, f"{address}x", 0, 999, 1_000)).status_code == 404
    await tiktok.put("/_clock", json={"ahead": 3_601})
    assert (await put(tiktok, address, 0, 999, 1_000)).status_code == 403


async def test_pictures_are_fetched_after_the_answer(tiktok: httpx.AsyncClient) -> None:
    publish_id = (await photos(tiktok)).json()["data"]["publish_id"]
    told = await state_of(tiktok, publish_id)
    assert (told["status"], told["fail_reason"]) == ("FAILED", "photo_pull_failed")
    other = {"Authorization": "Bearer sandbox-wikimedia"}
    asked = await post(tiktok, "/post/publish/status/fetch/", {"publish_id": publish_id}, headers=other)
    assert refusal(asked) == (400, "invalid_publish_id")


async def test_six_announcements_a_minute_and_a_cap_a_day(tiktok: httpx.AsyncClient) -> None:
    assert {(await video(tiktok, ONE)).status_code for _ in range(6)} == {200}
    assert refusal(await video(tiktok, ONE)) == (429, "rate_limit_exceeded")
    await tiktok.put("/_quotas", json={"tiktok": {"init_min": None, "posts_day": 6}})
    assert refusal(await video(tiktok, ONE)) == (403, "spam_risk_too_many_posts")
    asked = await post(tiktok, "/post/publish/creator_info/query/", {})
    assert refusal(asked) == (200, "spam_risk_too_many_posts")
    await tiktok.put("/_quotas", json={"tiktok": "real"})


async def test_fields_must_be_named_and_known(tiktok: httpx.AsyncClient) -> None:
    for fields in ("", "?fields=", "?fields=id,colour"):
        answer = await post(tiktok, f"/video/list/{fields}", {"max_count": 5})
        assert refusal(answer) == (400, "invalid_param")
    told = (await post(tiktok, "/video/list/?fields=id,title", {"max_count": 5})).json()["data"]
    assert told == {"videos": [], "cursor": 0, "has_more": False}


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({}, "invalid_client"),
        ({"grant_type": "magic"}, "unsupported_grant_type"),
        ({"grant_type": "authorization_code", "code": "code-wikipedia"}, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "x"}, "invalid_grant"),
    ],
)
async def test_oauth_refuses_beside_http_200(tiktok: httpx.AsyncClient, form: dict[str, str], code: str) -> None:
    whole = {"client_key": "k", "client_secret": "s", **form} if form else {}
    answer = await tiktok.post("/tiktok/v2/oauth/token/", data=whole)
    assert (answer.status_code, answer.json()["error"]) == (200, code)
