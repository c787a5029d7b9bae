"""LinkedIn's stand-in refuses what the real one refuses, and says so in its words."""

from typing import Any

import httpx
import pytest

from deploy.sandbox.people import number_of
from deploy.sandbox.platforms.linkedin.little import read
from tests.sandbox.conftest import picture

ORGANIZATION = f"urn:li:organization:{number_of('wikipedia')}"
HEADERS = {
    "Authorization": "Bearer sandbox-wikipedia",
    "Linkedin-Version": "202609",
    "X-Restli-Protocol-Version": "2.0.0",
}
POSTS = "/linkedin/rest/posts"


@pytest.fixture
def linkedin(http: httpx.AsyncClient) -> httpx.AsyncClient:
    http.headers.update(HEADERS)
    return http


def share(commentary: str = "Hello", **more: Any) -> dict[str, Any]:
    """The body of a post."""
    return {
        "author": ORGANIZATION,
        "commentary": commentary,
        "visibility": "PUBLIC",
        "distribution": {"feedDistribution": "MAIN_FEED", "targetEntities": [], "thirdPartyDistributionChannels": []},
        "lifecycleState": "PUBLISHED",
        "isReshareDisabledByAuthor": False,
        **more,
    }


async def begun(linkedin: httpx.AsyncClient, kind: str = "images", **more: Any) -> dict[str, Any]:
    """Begin an upload."""
    body = {"initializeUploadRequest": {"owner": ORGANIZATION, **more}}
    answer = await linkedin.post(f"/linkedin/rest/{kind}?action=initializeUpload", json=body)
    assert answer.status_code == 200, answer.text
    value: dict[str, Any] = answer.json()["value"]
    return value


async def uploaded(linkedin: httpx.AsyncClient, number: int = 1) -> str:
    """Upload a picture and return its URN."""
    value = await begun(linkedin)
    assert (await linkedin.put(value["uploadUrl"], content=picture(4 + number))).status_code == 201
    assert (await linkedin.get(f"/linkedin/rest/images/{value['image']}")).json()["status"] == "AVAILABLE"
    return str(value["image"])


async def refusal(linkedin: httpx.AsyncClient, body: object, status: int = 400) -> str:
    """Return the code with which a post is refused."""
    answer = await linkedin.post(POSTS, json=body)
    assert answer.status_code == status, answer.text
    told = answer.json()
    assert told["status"] == status
    assert (await linkedin.get("/_ledger")).json()["count"] == 0
    inner = told.get("errorDetails", {}).get("inputErrors", [{}])[0]
    return str(inner.get("code", told["code"]))


async def test_a_posts_id_is_in_a_header_and_its_hashtags_come_back_as_templates(linkedin: httpx.AsyncClient) -> None:
    answer = await linkedin.post(POSTS, json=share("A #tag \\(so\\)"))
    assert (answer.status_code, answer.content) == (201, b"")
    told = (await linkedin.get(f"{POSTS}/{answer.headers['x-restli-id']}")).json()
    assert told["commentary"] == "A {hashtag|\\#|tag} \\(so\\)"
    assert read(told["commentary"]).text == "A #tag (so)"


@pytest.mark.parametrize("sign", "\\|{}@[]()<>*_~#")
async def test_reserved_characters_without_a_backslash(linkedin: httpx.AsyncClient, sign: str) -> None:
    assert await refusal(linkedin, share(f"a {sign} b")) == "INVALID_VALUE_FOR_FIELD"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"commentary": "x" * 3_001}, "FIELD_LENGTH_TOO_LONG"),
        ({"commentary": ""}, "MISSING_FIELD"),
        ({"commentary": None}, "MISSING_FIELD"),
        ({"lifecycleState": "DRAFT"}, "INVALID_VALUE_FOR_FIELD"),
        ({"distribution": {}}, "MISSING_FIELD"),
        ({"content": {"media": {"id": "urn:li:image:none"}}}, "INVALID_IMAGE_ID"),
        ({"content": {"article": {"source": "w.wiki", "title": "x"}}}, "INVALID_VALUE_FOR_FIELD"),
        ({"content": {"article": {"source": "https://w.wiki"}}}, "MISSING_FIELD"),
        ({"content": {"carousel": {}}}, "INVALID_VALUE_FOR_FIELD"),
    ],
)
async def test_bodies_that_are_refused(linkedin: httpx.AsyncClient, more: dict[str, Any], code: str) -> None:
    assert await refusal(linkedin, share(**more)) == code


async def test_other_pages_and_posts_that_are_not_there(linkedin: httpx.AsyncClient) -> None:
    assert await refusal(linkedin, share(author="urn:li:organization:1"), 403) == "ACCESS_DENIED"
    assert await refusal(linkedin, share(reshareContext={"parent": "urn:li:share:1"}), 404) == "NOT_FOUND"


@pytest.mark.parametrize("count", [1, 21])
async def test_two_to_twenty_images(linkedin: httpx.AsyncClient, count: int) -> None:
    images = [{"id": await uploaded(linkedin, number)} for number in range(count)]
    body = share(content={"multiImage": {"images": images}})
    assert await refusal(linkedin, body) == "INVALID_VALUE_FOR_FIELD"


async def test_an_image_must_be_uploaded_and_its_alternative_text_short(linkedin: httpx.AsyncClient) -> None:
    waiting = (await begun(linkedin))["image"]
    assert await refusal(linkedin, share(content={"media": {"id": waiting}})) == "MEDIA_ASSET_WAITING_UPLOAD"
    long = {"id": await uploaded(linkedin), "altText": "x" * 4_087}
    assert await refusal(linkedin, share(content={"media": long})) == "FIELD_LENGTH_TOO_LONG"
    value = await begun(linkedin)
    assert (await linkedin.put(value["uploadUrl"], content=picture(4, 3, "WEBP"))).status_code == 415


@pytest.mark.parametrize("size", [74_999, 500_000_001, "80000"])
async def test_a_video_of_another_size(linkedin: httpx.AsyncClient, size: object) -> None:
    asked = {"owner": ORGANIZATION, "fileSizeBytes": size, "uploadCaptions": False, "uploadThumbnail": False}
    answer = await linkedin.post(
        "/linkedin/rest/videos?action=initializeUpload", json={"initializeUploadRequest": asked}
    )
    assert answer.status_code == 400


async def test_a_videos_parts_are_all_there_or_it_is_not_finalized(linkedin: httpx.AsyncClient) -> None:
    value = await begun(linkedin, "videos", fileSizeBytes=4_194_304 + 80_000)
    first, second = value["uploadInstructions"]
    assert (first["lastByte"], second["firstByte"], second["lastByte"]) == (4_194_303, 4_194_304, 4_274_303)
    assert (await linkedin.put(second["uploadUrl"], content=b"x")).status_code == 400
    etag = (await linkedin.put(second["uploadUrl"], content=bytes(80_000))).headers["etag"]
    asked = {"video": value["video"], "uploadToken": value["uploadToken"], "uploadedPartIds": [etag]}
    address = "/linkedin/rest/videos?action=finalizeUpload"
    answer = await linkedin.post(address, json={"finalizeUploadRequest": asked})
    assert answer.json()["code"] == "INVALID_VALUE_FOR_FIELD"
    other = (await linkedin.put(first["uploadUrl"], content=bytes(4_194_304))).headers["etag"]
    asked["uploadedPartIds"] = [other, etag]
    assert (await linkedin.post(address, json={"finalizeUploadRequest": asked})).status_code == 200
    told = (await linkedin.get(f"/linkedin/rest/videos/{value['video']}")).json()
    assert told["status"] == "PROCESSING_FAILED"  # it is no film


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Authorization": ""}, 401, "EMPTY_ACCESS_TOKEN"),
        ({"Authorization": "Bearer other"}, 401, "REVOKED_ACCESS_TOKEN"),
        ({"Linkedin-Version": ""}, 400, "VERSION_MISSING"),
        ({"Linkedin-Version": "202511"}, 426, "NONEXISTENT_VERSION"),
        ({"X-Restli-Protocol-Version": "1.0.0"}, 400, "ILLEGAL_ARGUMENT"),
    ],
)
async def test_headers_that_each_call_must_have(
    linkedin: httpx.AsyncClient, headers: dict[str, str], status: int, code: str
) -> None:
    linkedin.headers.update(headers)
    assert await refusal(linkedin, share(), status) == code


async def test_lists_are_written_as_restli_writes_them(linkedin: httpx.AsyncClient) -> None:
    urn = (await linkedin.post(POSTS, json=share())).headers["x-restli-id"].replace(":", "%3A")
    assert list((await linkedin.get(f"{POSTS}?ids=List({urn})")).json()["results"]) == [urn.replace("%3A", ":")]
    assert (await linkedin.get(f"{POSTS}?ids=List%28{urn}%29")).status_code == 400
    assert (await linkedin.get(f"{POSTS}?ids={urn}")).status_code == 400


async def test_a_token_that_was_granted_ends_after_sixty_days(linkedin: httpx.AsyncClient) -> None:
    form = {"grant_type": "authorization_code", "code": "code-wikipedia", "redirect_uri": "https://example.org"}
    answer = await linkedin.post("/linkedin/oauth/v2/accessToken", data=form)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    form |= {"client_id": "a", "client_secret": "b"}
    granted = (await linkedin.post("/linkedin/oauth/v2/accessToken", data=form)).json()
    linkedin.headers["Authorization"] = f"Bearer {granted['access_token']}"
    assert (await linkedin.get("/linkedin/rest/organizationAcls?q=roleAssignee")).status_code == 200
    await linkedin.put("/_clock", json={"ahead": granted["expires_in"] + 1})
    assert (await linkedin.get("/linkedin/rest/organizationAcls?q=roleAssignee")).status_code == 401


async def test_a_used_up_day_says_nothing_of_when(linkedin: httpx.AsyncClient) -> None:
    await linkedin.put("/_quotas", json={"linkedin": {"member_day": 1}})
    try:
        assert (await linkedin.post(POSTS, json=share())).status_code == 201
        answer = await linkedin.post(POSTS, json=share("Again"))
    finally:
        await linkedin.put("/_quotas", json={"linkedin": "real"})
    assert (answer.status_code, answer.json()["code"]) == (429, "TOO_MANY_REQUESTS")
    assert "retry-after" not in answer.headers
