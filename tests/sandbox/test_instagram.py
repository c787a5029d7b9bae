"""Instagram's stand-in refuses what the documentation says the real one refuses, in its error envelope."""

from typing import Any

import httpx
import pytest

from deploy.sandbox.people import number_of
from tests.sandbox.conftest import picture

ME = "/instagram/v26.0/me"


@pytest.fixture
def instagram(http: httpx.AsyncClient) -> httpx.AsyncClient:
    http.headers["Authorization"] = "Bearer sandbox-wikipedia"
    return http


async def address(http: httpx.AsyncClient, data: bytes) -> str:
    """Return where the bytes can be fetched: in the sandbox's own keeping, as an upload to another platform."""
    files = {"file": ("picture", data, "image/jpeg")}
    answer = await http.post("/mastodon/api/v2/media", files=files)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["preview_url"])


async def container(http: httpx.AsyncClient, **params: Any) -> str:
    if "children" not in params:
        params["image_url"] = await address(http, picture(400, 400, "JPEG"))
    answer = await http.post(f"{ME}/media", json=params)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


async def status(http: httpx.AsyncClient, made: str) -> str:
    answer = await http.get(f"/instagram/v26.0/{made}", params={"fields": "status_code"})
    return str(answer.json()["status_code"])


async def publish(http: httpx.AsyncClient, made: str) -> httpx.Response:
    return await http.post(f"{ME}/media_publish", json={"creation_id": made})


def codes(answer: httpx.Response) -> tuple[int, int, int | None]:
    error = answer.json()["error"]
    assert {"message", "type", "code", "fbtrace_id"} <= set(error)
    return answer.status_code, error["code"], error.get("error_subcode")


async def test_a_container_is_finished_then_published_and_its_medium_has_another_id(
    instagram: httpx.AsyncClient,
) -> None:
    made = await container(instagram, caption="Hello @wikipedia #a", alt_text="Blue")
    assert await status(instagram, made) == "FINISHED"
    told = (await publish(instagram, made)).json()
    assert await status(instagram, made) == "PUBLISHED"
    assert told["id"] != made
    fields = "caption,media_product_type,permalink,shortcode,timestamp"
    medium = (await instagram.get(f"/instagram/v26.0/{told['id']}", params={"fields": fields})).json()
    assert (medium["caption"], medium["media_product_type"]) == ("Hello wikipedia #a", "FEED")
    assert medium["permalink"].endswith(f"/p/{medium['shortcode']}/")
    (post,) = (await instagram.get("/_ledger")).json()["posts"]
    assert (post["text"], post["media"][0]["alt"]) == ("Hello @wikipedia #a", "Blue")


async def test_a_container_ends_with_its_day(instagram: httpx.AsyncClient) -> None:
    made = await container(instagram, caption="Hello")
    await instagram.put("/_clock", json={"ahead": 86_401})
    assert await status(instagram, made) == "EXPIRED"
    assert codes(await publish(instagram, made)) == (400, -2, 2207020)


async def test_publishing_twice_posts_twice(instagram: httpx.AsyncClient) -> None:
    made = await container(instagram, caption="Hello")
    assert (await publish(instagram, made)).json()["id"] != (await publish(instagram, made)).json()["id"]


@pytest.mark.parametrize(
    ("params", "refusal"),
    [
        ({"caption": "😀" * 1_101}, (400, 36004, 2207010)),
        ({"caption": "#a " * 31}, (400, 100, 2207040)),
        ({"caption": "@a " * 21}, (400, 100, 2207040)),
        ({"media_type": "GIF"}, (400, 100, 2207023)),
        ({"media_type": "CAROUSEL", "children": "1"}, (400, 100, 2207028)),
        ({"media_type": "CAROUSEL", "children": "1,2"}, (400, 100, 33)),
        ({"image_url": "https://localhost:1/x.jpg"}, (400, 9004, 2207052)),
        ({"image_url": ""}, (400, 100, None)),
    ],
)
async def test_what_is_refused_at_once(
    instagram: httpx.AsyncClient, params: dict[str, Any], refusal: tuple[int, int, int | None]
) -> None:
    assert codes(await instagram.post(f"{ME}/media", json=params)) == refusal


@pytest.mark.parametrize(
    ("data", "params", "refusal"),
    [
        (picture(400, 400), {}, (400, 36001, 2207005)),
        (picture(300, 400, "JPEG"), {}, (400, 36003, 2207009)),
        (picture(400, 200, "JPEG"), {}, (400, 36003, 2207009)),
        (picture(400, 400, "JPEG"), {"alt_text": "a" * 1_001}, (400, 100, None)),
    ],
)
async def test_pictures_that_do_not_fit(
    instagram: httpx.AsyncClient, data: bytes, params: dict[str, Any], refusal: tuple[int, int, int | None]
) -> None:
    asked = {"image_url": await address(instagram, data), **params}
    assert codes(await instagram.post(f"{ME}/media", json=asked)) == refusal


async def test_a_story_may_be_tall(instagram: httpx.AsyncClient) -> None:
    tall = {"image_url": await address(instagram, picture(360, 640, "JPEG")), "media_type": "STORIES"}
    made = (await instagram.post(f"{ME}/media", json=tall)).json()["id"]
    shown = (await publish(instagram, made)).json()["id"]
    for edge, listed in (("stories", [shown]), ("media", [])):
        told = (await instagram.get(f"{ME}/{edge}", params={"fields": "id"})).json()
        assert [one["id"] for one in told["data"]] == listed


async def test_tokens_versions_and_ids_that_are_none(instagram: httpx.AsyncClient) -> None:
    assert codes(await instagram.get("/instagram/v19.0/me")) == (400, 2635, None)
    assert codes(await instagram.get("/instagram/v26.0/17800000000000000")) == (400, 100, 33)
    assert codes(await instagram.get(f"/instagram/v26.0/{number_of('wikimedia')}")) == (400, 100, 33)
    assert codes(await instagram.delete(ME)) == (400, 100, 33)
    wrong = {"Authorization": "Bearer wrong"}
    assert codes(await instagram.get(ME, headers=wrong)) == (400, 190, None)
    assert (await instagram.get(ME, params={"fields": "username"})).json() == {
        "id": number_of("wikipedia"),
        "username": "wikipedia",
    }


async def test_the_quota_of_a_day_is_told_and_kept(instagram: httpx.AsyncClient) -> None:
    await instagram.put("/_quotas", json={"instagram": {"posts_24h": 1}})
    try:
        made = [await container(instagram, caption=f"Number {number}") for number in (1, 2)]
        assert (await publish(instagram, made[0])).status_code == 200
        assert codes(await publish(instagram, made[1])) == (400, 9, 2207042)
        params = {"fields": "quota_usage,config"}
        told = (await instagram.get(f"{ME}/content_publishing_limit", params=params)).json()
        assert told == {"data": [{"quota_usage": 1, "config": {"quota_total": 1, "quota_duration": 86_400}}]}
    finally:
        await instagram.put("/_quotas", json={"instagram": "real"})


async def test_a_token_of_an_hour_is_worth_one_of_sixty_days(instagram: httpx.AsyncClient) -> None:
    del instagram.headers["Authorization"]
    form = {"grant_type": "authorization_code", "client_secret": "s", "code": "code-wikipedia"}
    brief = (await instagram.post("/instagram/oauth/access_token", data=form)).json()
    again = await instagram.post("/instagram/oauth/access_token", data=form)
    assert (again.status_code, again.json()["error_type"]) == (400, "OAuthException")
    asked = {"grant_type": "ig_exchange_token", "client_secret": "s", "access_token": brief["access_token"]}
    long = (await instagram.get("/instagram/access_token", params=asked)).json()
    assert long["expires_in"] == 60 * 86_400
    await instagram.put("/_clock", json={"ahead": 3_601})
    for token, fine in ((brief["access_token"], False), (long["access_token"], True)):
        answer = await instagram.get(ME, headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code == 200) is fine
    (masked,) = [
        one["query"]
        for one in (await instagram.get("/_ledger/requests")).json()["requests"]
        if one["path"] == "/access_token" and one["platform"] == "instagram"
    ]
    assert "granted" not in masked
    assert "client_secret=***" in masked


async def test_a_rate_limit_says_when_in_minutes(instagram: httpx.AsyncClient) -> None:
    await instagram.post("/_faults", json={"platform": "instagram", "kind": "rate_limit", "seconds": 90})
    answer = await instagram.get(ME)
    assert codes(answer) == (403, 4, None)
    assert '"estimated_time_to_regain_access": 2' in answer.headers["x-business-use-case-usage"]


async def test_figures_are_asked_for_by_names_that_there_are(instagram: httpx.AsyncClient) -> None:
    shown = (await publish(instagram, await container(instagram, caption="Hello"))).json()["id"]
    insights = f"/instagram/v26.0/{shown}/insights"
    told = (await instagram.get(insights, params={"metric": "views,reach"})).json()
    assert [row["name"] for row in told["data"]] == ["views", "reach"]
    for gone in ("impressions", "ig_reels_avg_watch_time"):
        assert codes(await instagram.get(insights, params={"metric": f"views,{gone}"})) == (400, 100, None)
