"""YouTube's stand-in: the resumable protocol as its guide describes it, and refusals with the reasons of its pages."""

from typing import Any

import httpx
import pytest

from tests.sandbox.conftest import picture

BASE = "/youtube/youtube/v3"
UPLOAD = "/youtube/upload/youtube/v3"
UNIT = 262_144
START = {"uploadType": "resumable", "part": "snippet,status"}


@pytest.fixture
def youtube(http: httpx.AsyncClient) -> httpx.AsyncClient:
    http.headers["Authorization"] = "Bearer sandbox-wikipedia"
    return http


async def start(http: httpx.AsyncClient, size: int, status: dict[str, Any] | None = None, **snippet: Any) -> Any:
    body = {"snippet": {"title": "A field", **snippet}, "status": status or {}}
    headers = {"X-Upload-Content-Length": str(size), "X-Upload-Content-Type": "video/mp4"}
    return await http.post(f"{UPLOAD}/videos", params=START, json=body, headers=headers)


async def session(http: httpx.AsyncClient, size: int) -> str:
    answer = await start(http, size)
    assert (answer.status_code, answer.content) == (200, b"")
    return str(answer.headers["location"])


async def put(http: httpx.AsyncClient, where: str, said: str, content: bytes = b"") -> tuple[int, str | None]:
    answer = await http.put(where, content=content, headers={"Content-Range": said})
    return answer.status_code, answer.headers.get("range")


def reason(answer: httpx.Response) -> tuple[int, str]:
    error = answer.json()["error"]
    assert (error["code"], error["message"]) == (answer.status_code, error["errors"][0]["message"])
    return answer.status_code, error["errors"][0]["reason"]


async def test_a_session_says_what_it_has(youtube: httpx.AsyncClient) -> None:
    total = UNIT + 9
    where = await session(youtube, total)
    assert await put(youtube, where, f"bytes */{total}") == (308, None)
    first = f"bytes 0-{UNIT - 1}/{total}"
    assert await put(youtube, where, first, bytes(UNIT)) == (308, f"bytes=0-{UNIT - 1}")
    assert await put(youtube, where, first, bytes(UNIT)) == (308, f"bytes=0-{UNIT - 1}")  # not taken twice
    assert await put(youtube, where, f"bytes {UNIT}-{total - 1}/{total}", bytes(9)) == (201, None)
    asked = await youtube.put(where, headers={"Content-Range": f"bytes */{total}"})
    again = await youtube.put(where, headers={"Content-Range": f"bytes */{total}"})
    assert (asked.status_code, asked.json()["id"]) == (201, again.json()["id"])
    listed = await youtube.get(f"{BASE}/videos", params={"part": "status", "id": asked.json()["id"]})
    assert listed.json()["items"][0]["status"]["failureReason"] == "invalidFile"  # noughts are no film
    assert (await youtube.get("/_ledger")).json()["count"] == 0


@pytest.mark.parametrize(
    ("said", "size"),
    [
        (f"bytes 0-8/{UNIT}", 9),  # no multiple of 262,144
        ("bytes 0-8/9", 9),  # another size than was announced
        (f"bytes 0-9/{UNIT}", 9),
        (f"bytes */{UNIT}", 9),
        ("all of it", 9),
    ],
)
async def test_a_range_that_makes_no_sense_is_refused(youtube: httpx.AsyncClient, said: str, size: int) -> None:
    assert (await put(youtube, await session(youtube, UNIT), said, bytes(size)))[0] == 400


async def test_a_session_is_its_owners_and_ends(youtube: httpx.AsyncClient) -> None:
    where = await session(youtube, 9)
    other = {"Authorization": "Bearer sandbox-wikimedia", "Content-Range": "bytes */9"}
    assert (await youtube.put(where, headers=other)).status_code == 404
    assert (await put(youtube, where, "bytes */9"))[0] == 308
    await youtube.put("/_clock", json={"ahead": 8 * 86_400})
    gone = await youtube.put(where, headers={"Content-Range": "bytes */9"})
    assert (gone.status_code, gone.text) == (404, "Not Found")


@pytest.mark.parametrize(
    ("snippet", "status", "why"),
    [
        ({"title": ""}, {}, "invalidTitle"),
        ({"title": "x" * 101}, {}, "invalidTitle"),
        ({"title": "a > b"}, {}, "invalidTitle"),
        ({"description": "維" * 1_667}, {}, "invalidDescription"),
        ({"description": "a < b"}, {}, "invalidDescription"),
        ({"tags": ["x" * 249, "y" * 251]}, {}, "invalidTags"),
        ({"tags": ["two words" + "x" * 490]}, {}, "invalidTags"),
        ({"categoryId": "fun"}, {}, "invalidCategoryId"),
        ({}, {"privacyStatus": "open"}, "invalidVideoMetadata"),
        ({}, {"privacyStatus": "public", "publishAt": "2027-01-01T00:00:00Z"}, "invalidPublishAt"),
    ],
)
async def test_metadata_that_is_refused(
    youtube: httpx.AsyncClient, snippet: dict[str, Any], status: dict[str, Any], why: str
) -> None:
    assert reason(await start(youtube, 9, status, **snippet)) == (400, why)


async def test_metadata_at_its_limits_is_taken(youtube: httpx.AsyncClient) -> None:
    full: dict[str, Any] = {"title": "x" * 100, "description": "維" * 1_666 + "xx", "tags": ["x" * 249, "y" * 250]}
    assert (await start(youtube, 9, **full)).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "params", "wanted"),
    [
        ("GET", f"{BASE}/videos", {"id": "x"}, (400, "missingRequiredParameter")),
        ("GET", f"{BASE}/videos", {"part": "snippets", "id": "x"}, (400, "unknownPart")),
        ("GET", f"{BASE}/videos", {"part": "snippet"}, (400, "missingRequiredParameter")),
        ("GET", f"{BASE}/channels", {"part": "snippet"}, (400, "missingRequiredParameter")),
        ("GET", f"{BASE}/playlistItems", {"part": "snippet", "playlistId": "UU1"}, (404, "playlistNotFound")),
        ("GET", f"{BASE}/commentThreads", {"part": "snippet", "videoId": "x"}, (404, "videoNotFound")),
        ("DELETE", f"{BASE}/videos", {"id": "x"}, (404, "videoNotFound")),
        ("GET", "/youtube/v2/reports", {"ids": "channel==MINE", "metrics": "views"}, (400, "badRequest")),
        ("POST", f"{UPLOAD}/thumbnails/set", {"videoId": "x", "uploadType": "media"}, (404, "videoNotFound")),
    ],
)
async def test_requests_that_are_refused(
    youtube: httpx.AsyncClient, method: str, path: str, params: dict[str, str], wanted: tuple[int, str]
) -> None:
    assert reason(await youtube.request(method, path, params=params)) == wanted


async def test_who_asks_without_a_token_or_with_a_wrong_one(youtube: httpx.AsyncClient) -> None:
    params = {"part": "snippet", "mine": "true"}
    for token, why in (("", "required"), ("Bearer wrong", "authError")):
        answer = await youtube.get(f"{BASE}/channels", params=params, headers={"Authorization": token})
        assert reason(answer) == (401, why)


async def test_the_quota_of_a_day_is_the_projects_and_begins_anew(youtube: httpx.AsyncClient) -> None:
    await youtube.put("/_quotas", json={"youtube": {"units_day": 1}})
    params, other = {"part": "id", "mine": "true"}, {"Authorization": "Bearer sandbox-wikimedia"}
    assert (await youtube.get(f"{BASE}/channels", params=params)).status_code == 200
    assert reason(await youtube.get(f"{BASE}/channels", params=params, headers=other)) == (403, "quotaExceeded")
    await youtube.put("/_clock", json={"ahead": 86_400})
    assert (await youtube.get(f"{BASE}/channels", params=params, headers=other)).status_code == 200
    await youtube.put("/_quotas", json={"youtube": "real"})


async def test_what_is_somebody_elses_is_forbidden(youtube: httpx.AsyncClient) -> None:
    where = await session(youtube, 9)
    made = (await youtube.put(where, content=bytes(9))).json()["id"]
    other = {"Authorization": "Bearer sandbox-wikimedia"}
    details = {"part": "fileDetails", "id": made}
    for answer in (
        await youtube.get(f"{BASE}/videos", params=details, headers=other),
        await youtube.delete(f"{BASE}/videos", params={"id": made}, headers=other),
        await youtube.get(f"{BASE}/captions", params={"part": "snippet", "videoId": made}, headers=other),
    ):
        assert reason(answer) == (403, "forbidden")
    thumbnail = {"videoId": made, "uploadType": "media"}
    webp = await youtube.post(f"{UPLOAD}/thumbnails/set", params=thumbnail, content=picture(kind="WEBP"))
    assert reason(webp) == (400, "invalidImage")
