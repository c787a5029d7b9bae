"""X's stand-in refuses what X refuses, and says so as X does."""

from typing import Any

import httpx
import pytest

from deploy.sandbox.people import number_of
from deploy.sandbox.platforms.x.counting import weight
from tests.sandbox.conftest import picture

POSTS = "/x/2/tweets"
ME = number_of("wikipedia")


@pytest.fixture
def x(http: httpx.AsyncClient) -> httpx.AsyncClient:
    http.headers["Authorization"] = "Bearer sandbox-wikipedia"
    return http


async def post(x: httpx.AsyncClient, **body: Any) -> httpx.Response:
    return await x.post(POSTS, json=body)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"text": " "}, 400),
        ({"text": 1}, 400),
        ({"status": "An older name"}, 400),
        ({"text": "a" * 281}, 403),
        ({"text": "a", "media": {"media_ids": ["1"]}}, 400),
        ({"text": "a", "media": {"media_ids": ["1"] * 5}}, 400),
        ({"text": "a", "media": {"ids": ["1"]}}, 400),
        ({"text": "a", "poll": {"options": ["b"], "duration_minutes": 60}}, 400),
        ({"text": "a", "poll": {"options": ["b", "c" * 26], "duration_minutes": 60}}, 400),
        ({"text": "a", "poll": {"options": ["b", "c"], "duration_minutes": 4}}, 400),
        ({"text": "a", "poll": {"options": ["b", "c"], "duration_minutes": 10_081}}, 400),
        ({"text": "a", "quote_tweet_id": "20"}, 403),
        ({"text": "a", "quote_tweet_id": 20}, 400),
        ({"text": "a", "reply": {"in_reply_to_tweet_id": "20"}}, 403),
        ({"text": "a", "reply_settings": "nobody"}, 400),
        ({"text": "a", "edit_options": {"previous_post_id": "20"}}, 403),
    ],
)
async def test_a_body_that_is_refused(x: httpx.AsyncClient, body: dict[str, Any], status: int) -> None:
    answer = await x.post(POSTS, json=body)
    assert answer.status_code == status
    told = answer.json()
    assert {"type", "title", "detail", "status"} == set(told)
    assert told["type"] == ("https://api.x.com/2/problems/invalid-request" if status == 400 else "about:blank")
    assert (await x.get("/_ledger", params={"platform": "x"})).json()["count"] == 0


async def test_the_same_text_is_refused_for_some_hours_and_without_the_other_ones_id(x: httpx.AsyncClient) -> None:
    made = (await post(x, text="Hello")).json()["data"]
    again = await post(x, text="Hello")
    assert again.status_code == 403
    assert "duplicate content" in again.json()["detail"]
    assert made["id"] not in again.text
    assert (await post(x, text="Hello", reply={"in_reply_to_tweet_id": made["id"]})).status_code == 201
    assert (await x.delete(f"{POSTS}/{made['id']}")).json() == {"data": {"deleted": True}}
    assert (await post(x, text="Hello")).status_code == 201


async def test_a_text_is_told_with_short_links_and_what_they_stand_for(x: httpx.AsyncClient) -> None:
    await post(x, text="A & B at wikipedia.org and https://w.wiki/3.")
    params = {"post.fields": "entities", "max_results": "5"}
    (told,) = (await x.get(f"/x/2/users/{ME}/tweets", params=params)).json()["data"]
    links = told["entities"]["urls"]
    assert told["text"] == f"A &amp; B at {links[0]['url']} and {links[1]['url']}."
    assert [one["expanded_url"] for one in links] == ["http://wikipedia.org", "https://w.wiki/3"]
    assert all(len(one["url"]) == 23 for one in links)


@pytest.mark.parametrize(
    "params",
    [
        {"post.fields": "referenced_tweets"},
        {"tweet.fields": "note_post"},
        {"fields": "text"},
        {"max_results": 4},
        {"max_results": 101},
        {"start_time": "2100-01-01T00:00:00Z"},
        {"start_time": "yesterday"},
        {"pagination_token": "next"},
    ],
)
async def test_a_question_that_is_refused(x: httpx.AsyncClient, params: dict[str, Any]) -> None:
    answer = await x.get(f"/x/2/users/{ME}/tweets", params=params)
    assert answer.status_code == 400, answer.text
    assert answer.json()["type"].endswith("/invalid-request")


async def test_both_spellings_are_answered_in_their_own(x: httpx.AsyncClient) -> None:
    made = (await post(x, text="Hello")).json()["data"]["id"]
    for name, shares in (("post.fields", "repost_count"), ("tweet.fields", "retweet_count")):
        (told,) = (await x.get(POSTS, params={"ids": made, name: "public_metrics"})).json()["data"]
        assert shares in told["public_metrics"]


async def test_private_figures_are_told_for_thirty_days_to_the_author_only(x: httpx.AsyncClient) -> None:
    made = (await post(x, text="Hello")).json()["data"]["id"]
    params = {"ids": made, "post.fields": "public_metrics,non_public_metrics"}
    assert "non_public_metrics" in (await x.get(POSTS, params=params)).json()["data"][0]
    stranger = await x.get(POSTS, params=params, headers={"Authorization": "Bearer sandbox-ada"})
    assert "data" not in stranger.json()
    await x.put("/_clock", json={"ahead": 31 * 86_400})
    told = (await x.get(POSTS, params=params)).json()
    assert told["errors"][0]["type"].endswith("/not-authorized-for-field")


async def test_segments_must_add_up_and_be_joined_once(x: httpx.AsyncClient) -> None:
    begin = {"media_type": "video/mp4", "total_bytes": 4, "media_category": "tweet_video"}
    upload = (await x.post("/x/2/media/upload/initialize", json=begin)).json()["data"]["id"]
    address = f"/x/2/media/upload/{upload}"

    async def append(index: int, data: bytes) -> int:
        form, files = {"segment_index": str(index)}, {"media": ("a", data, "application/octet-stream")}
        return (await x.post(f"{address}/append", data=form, files=files)).status_code

    assert await append(0, b"ab") == 200
    assert (await x.post(f"{address}/finalize")).status_code == 400
    assert await append(1_000, b"cd") == 400
    assert await append(1, b"xx") == await append(1, b"cd") == 200
    assert (await x.get("/x/2/media/upload", params={"media_id": upload})).status_code == 400
    assert (await x.post(f"{address}/finalize")).status_code == 200
    assert (await x.post(f"{address}/finalize")).status_code == 400
    state = (await x.get("/x/2/media/upload", params={"command": "STATUS", "media_id": upload})).json()["data"]
    assert state["processing_info"]["state"] == "failed"  # four letters are no film


@pytest.mark.parametrize(
    ("data", "status"), [(picture(), 200), (b"no picture", 400), (picture() + bytes(5 * 2**20), 400)]
)
async def test_pictures_are_looked_at(x: httpx.AsyncClient, data: bytes, status: int) -> None:
    files, form = {"media": ("a.png", data, "image/png")}, {"media_category": "tweet_image"}
    assert (await x.post("/x/2/media/upload", data=form, files=files)).status_code == status


async def test_the_limit_stands_in_every_answer_and_the_whole_of_it_is_refused_as_xs(x: httpx.AsyncClient) -> None:
    await x.put("/_quotas", json={"x": {"delete_15min": 1}})
    first, second = [await x.delete(f"{POSTS}/20") for _ in range(2)]
    assert (first.status_code, first.headers["x-rate-limit-remaining"]) == (404, "0")
    assert (second.status_code, second.headers["x-rate-limit-limit"]) == (429, "1")
    await x.put("/_quotas", json={"x": "real"})


def test_a_text_is_weighed() -> None:
    weights = {"cafe\u0301": 4, "維基": 4, "👩‍🚀": 2, "wikipedia.org": 23, "https://w.wiki/3!": 24}
    assert {text: weight(text) for text in weights} == weights
