"""Facebook's stand-in refuses what Facebook refuses, in its envelope and with its codes."""

from typing import Any

import httpx
import pytest

from deploy.sandbox.people import number_of
from tests.sandbox.conftest import picture

PAGE = number_of("wikipedia")
ROOT = "/facebook/v26.0"
TOKEN = {"Authorization": "Bearer sandbox-wikipedia"}


async def post(http: httpx.AsyncClient, path: str = f"/{PAGE}/feed", **body: Any) -> httpx.Response:
    return await http.post(f"{ROOT}{path}", json=body, headers=TOKEN)


async def upload(http: httpx.AsyncClient, data: bytes, **form: str) -> httpx.Response:
    files = {"source": ("picture.png", data, "image/png")}
    return await http.post(f"{ROOT}/{PAGE}/photos", files=files, data={"published": "false", **form}, headers=TOKEN)


def code(answer: httpx.Response) -> tuple[int, int | None]:
    error = answer.json()["error"]
    return error["code"], error.get("error_subcode")


@pytest.mark.parametrize(
    ("token", "expected"),
    [("None at-all", (104, None)), ("OAuth nonsense", (190, 467)), ("OAuth sandbox-other", (200, None))],
)
async def test_only_the_pages_token_opens_it(http: httpx.AsyncClient, token: str, expected: object) -> None:
    headers = {"Authorization": token}
    answer = await http.post(f"{ROOT}/{PAGE}/feed", json={"message": "Hello"}, headers=headers)
    assert code(answer) == expected


async def test_a_persons_token_is_not_the_pages(http: httpx.AsyncClient) -> None:
    said = {"client_id": "1", "client_secret": "2", "redirect_uri": "https://x.example", "code": "code-person"}
    token = (await http.post(f"{ROOT}/oauth/access_token", data=said)).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    answer = await http.post(f"{ROOT}/{number_of('person')}/feed", json={"message": "Hello"}, headers=headers)
    assert code(answer) == (210, None)
    assert code(await http.post(f"{ROOT}/oauth/access_token", data=said)) == (100, 36009)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, (100, None)),
        ({"message": "e" * 63_207}, (100, None)),
        ({"link": "ftp://example.org"}, (1500, None)),
        ({"message": "a", "attached_media": [{"media_fbid": "1"}]}, (100, None)),
        ({"message": "a", "attached_media": "no list"}, (100, None)),
    ],
)
async def test_a_post_that_cannot_be(http: httpx.AsyncClient, body: dict[str, Any], expected: object) -> None:
    assert code(await post(http, **body)) == expected
    assert (await http.get("/_ledger", params={"platform": "facebook"})).json()["count"] == 0


async def test_the_same_words_twice_in_a_row(http: httpx.AsyncClient) -> None:
    assert (await post(http, message="Twice")).status_code == 200
    assert code(await post(http, message="Twice"))[0] == 506
    assert (await post(http, message="Between")).status_code == 200
    assert (await post(http, message="Twice")).status_code == 200


async def test_a_photo_is_used_once_and_ten_are_enough(http: httpx.AsyncClient) -> None:
    ids = [(await upload(http, picture(n + 1, 2))).json()["id"] for n in range(11)]
    media = [{"media_fbid": one} for one in ids]
    assert code(await post(http, attached_media=media)) == (100, None)
    made = await post(http, message="Ten", attached_media=media[:10])
    story = made.json()["id"]
    shown = await http.get(f"{ROOT}/{ids[0]}", params={"fields": "page_story_id"}, headers=TOKEN)
    assert shown.json()["page_story_id"] == story
    assert code(await post(http, message="Again", attached_media=media[:1])) == (100, None)


@pytest.mark.parametrize(
    ("data", "expected"), [(b"no picture", (324, 2_069_019)), (picture() + bytes(4_000_000), (100, 1_366_046))]
)
async def test_a_photo_that_cannot_be(http: httpx.AsyncClient, data: bytes, expected: object) -> None:
    assert code(await upload(http, data)) == expected


async def test_what_is_not_asked_for_is_not_told(http: httpx.AsyncClient) -> None:
    story = (await post(http, message="Hello")).json()["id"]
    told = (await http.get(f"{ROOT}/{story}", params={"fields": "id,message"}, headers=TOKEN)).json()
    assert told == {"id": story, "message": "Hello"}
    counted = {"fields": "reactions.limit(0).summary(true)"}
    told = (await http.get(f"{ROOT}/{story}", params=counted, headers=TOKEN)).json()
    assert told["reactions"]["data"] == []
    assert "total_count" in told["reactions"]["summary"]
    unknown = await http.get(f"{ROOT}/{story}", params={"fields": "likes_of_all_kinds"}, headers=TOKEN)
    assert code(unknown) == (100, None)


async def test_what_is_gone_is_code_100_33(http: httpx.AsyncClient) -> None:
    story = (await post(http, message="Hello")).json()["id"]
    assert (await http.delete(f"{ROOT}/{story}", headers=TOKEN)).json() == {"success": True}
    for answer in (
        await http.delete(f"{ROOT}/{story}", headers=TOKEN),
        await http.get(f"{ROOT}/{story}", headers=TOKEN),
        await post(http, f"/{story}/comments", message="Hello"),
    ):
        assert code(answer) == (100, 33)


async def test_a_used_up_limit_says_the_minutes(http: httpx.AsyncClient) -> None:
    await http.put("/_quotas", json={"facebook": {"calls_24h": 1}})
    assert "x-business-use-case-usage" in (await post(http, message="One")).headers
    refused = await post(http, message="Two")
    assert code(refused) == (80_001, None)
    assert '"estimated_time_to_regain_access": 1440' in refused.headers["x-business-use-case-usage"]
    await http.put("/_quotas", json={"facebook": "real"})


async def test_a_video_whose_parts_are_missing_cannot_be_finished(http: httpx.AsyncClient) -> None:
    path = f"/{PAGE}/videos"
    started = (await post(http, path, upload_phase="start", file_size="9000")).json()
    session = {"upload_session_id": started["upload_session_id"]}
    assert (started["start_offset"], started["end_offset"]) == ("0", "4096")
    assert code(await post(http, path, upload_phase="finish", **session)) == (6000, None)
    files = {"video_file_chunk": ("part", bytes(10), "application/octet-stream")}
    form = {"upload_phase": "transfer", "start_offset": "77", **session}
    answer = await http.post(f"{ROOT}{path}", data=form, files=files, headers=TOKEN)
    assert code(answer) == (6001, 1_363_037)
    assert answer.json()["error"]["error_data"] == {"start_offset": "0", "end_offset": "4096"}
