"""Threads' stand-in gives the answers of the pages at developers.facebook.com/docs/threads."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from deploy.sandbox.people import number_of

V1 = "/threads/v1.0"


@pytest.fixture
async def threads(http: httpx.AsyncClient) -> AsyncIterator[httpx.AsyncClient]:
    http.headers["Authorization"] = "Bearer sandbox-wikipedia"
    yield http
    await http.put("/_quotas", json={"threads": "real"})


async def container(threads: httpx.AsyncClient, **form: str) -> str:
    answer = await threads.post(f"{V1}/me/threads", data={"media_type": "TEXT", "text": "Hello", **form})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


async def publish(threads: httpx.AsyncClient, creation_id: str) -> httpx.Response:
    return await threads.post(f"{V1}/me/threads_publish", data={"creation_id": creation_id})


async def post(threads: httpx.AsyncClient, **form: str) -> str:
    return str((await publish(threads, await container(threads, **form))).json()["id"])


def error(answer: httpx.Response) -> tuple[int, Any, Any]:
    told = answer.json()["error"]
    assert {"message", "type", "code", "fbtrace_id"} <= set(told)
    return answer.status_code, told["code"], told.get("error_subcode")


async def test_a_container_is_published_under_another_id(threads: httpx.AsyncClient) -> None:
    made = await container(threads)
    fields = {"fields": "id,status"}
    assert (await threads.get(f"{V1}/{made}", params=fields)).json() == {"id": made, "status": "FINISHED"}
    published = (await publish(threads, made)).json()["id"]
    assert published != made
    assert (await threads.get(f"{V1}/{made}", params=fields)).json()["status"] == "PUBLISHED"
    assert error(await threads.get(f"{V1}/{published}", params=fields)) == (400, 100, None)


async def test_a_post_shows_the_fields_that_were_asked_for(threads: httpx.AsyncClient) -> None:
    link = "https://w.wiki/3"
    published = await post(threads, link_attachment=link)
    params = {"fields": "permalink,media_type,text,owner,link_attachment_url,replied_to"}
    told = (await threads.get(f"{V1}/{published}", params=params)).json()
    assert told.pop("permalink").startswith("http://")
    owner = {"id": number_of("wikipedia")}
    wanted = {"id": published, "media_type": "TEXT_POST", "text": "Hello", "owner": owner, "link_attachment_url": link}
    assert told == wanted


async def test_a_container_published_twice_is_two_posts_so_that_nobody_relies_on_it(threads: httpx.AsyncClient) -> None:
    made = await container(threads)
    first, second = [(await publish(threads, made)).json()["id"] for _ in range(2)]
    assert first != second
    assert (await threads.get("/_ledger")).json()["count"] == 2


async def test_a_text_can_be_published_at_once(threads: httpx.AsyncClient) -> None:
    await container(threads, auto_publish_text="true")
    assert (await threads.get("/_ledger")).json()["count"] == 1


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"media_type": "STORY"}, "media_type must be one of"),
        ({"text": ""}, "text is required"),
        ({"text": "x" * 501}, "at most 500 characters"),
        ({"text": "😀" * 126}, "at most 500 characters"),
        ({"alt_text": "x" * 1_001}, "at most 1000 characters"),
        ({"text": " ".join(f"https://w.wiki/{n}" for n in range(6))}, "LINK_LIMIT_EXCEEDED"),
        (
            {"media_type": "IMAGE", "image_url": "https://x.example/a.png", "link_attachment": "https://w.wiki/3"},
            "text",
        ),
        ({"media_type": "CAROUSEL", "children": "1"}, "at least 2 and at most 20"),
        ({"poll_attachment": '{"option_a": "One"}'}, "two to four"),
        ({"poll_attachment": '{"option_a": "One", "option_b": "' + "x" * 26 + '"}'}, "25 characters"),
    ],
)
async def test_what_threads_would_not_take(threads: httpx.AsyncClient, form: dict[str, str], message: str) -> None:
    answer = await threads.post(f"{V1}/me/threads", data={"media_type": "TEXT", "text": "Hello", **form})
    assert error(answer) == (400, 100, None)
    assert message in answer.json()["error"]["message"]


async def test_what_is_not_there_or_not_ones_own(threads: httpx.AsyncClient) -> None:
    published = await post(threads)
    assert error(await publish(threads, "17")) == (400, 24, 4279009)
    assert error(await threads.get(f"{V1}/17")) == (400, 100, 33)
    assert error(await threads.post(f"{V1}/17/repost")) == (400, 100, 33)
    assert error(await threads.post(f"{V1}/{number_of('wikimedia')}/threads")) == (400, 100, 33)
    threads.headers["Authorization"] = "Bearer sandbox-wikimedia"
    assert error(await threads.delete(f"{V1}/{published}")) == (400, 100, 33)
    threads.headers["Authorization"] = "Bearer nobody"
    assert error(await threads.get(f"{V1}/me")) == (400, 190, None)


async def test_posts_and_replies_are_listed_apart_page_by_page(threads: httpx.AsyncClient) -> None:
    posts = [await post(threads, text=f"Post {number}") for number in range(3)]
    reply = await post(threads, reply_to_id=posts[0])
    listed: list[str] = []
    params: dict[str, str] = {"limit": "2", "fields": "id,text"}
    while True:
        page = (await threads.get(f"{V1}/me/threads", params=params)).json()
        listed += [one["id"] for one in page["data"]]
        if "after" not in page["paging"]["cursors"]:
            break
        params["after"] = page["paging"]["cursors"]["after"]
    assert listed == posts[::-1]
    replies = (await threads.get(f"{V1}/me/replies", params={"fields": "replied_to,root_post"})).json()["data"]
    assert replies == [{"id": reply, "replied_to": {"id": posts[0]}, "root_post": {"id": posts[0]}}]
    assert error(await threads.get(f"{V1}/me/threads", params={"limit": "101"})) == (400, 100, None)


async def test_the_days_limits_are_told_and_enforced(threads: httpx.AsyncClient) -> None:
    await threads.put("/_quotas", json={"threads": {"posts_24h": 1}})
    published = await post(threads)
    assert error(await publish(threads, await container(threads))) == (403, 4, None)
    await post(threads, reply_to_id=published)
    await threads.delete(f"{V1}/{published}")
    names = ("quota_usage", "reply_quota_usage", "delete_quota_usage")
    fields = {"fields": ",".join([*names, "config"])}
    (told,) = (await threads.get(f"{V1}/me/threads_publishing_limit", params=fields)).json()["data"]
    assert [told[name] for name in names] == [1, 1, 1]
    assert told["config"] == {"quota_total": 1, "quota_duration": 86_400}


async def test_a_code_is_worth_an_hour_and_that_sixty_days(threads: httpx.AsyncClient) -> None:
    form = {"client_id": "1", "client_secret": "s", "redirect_uri": "https://x.example/", "code": "code-wikipedia"}
    form["grant_type"] = "authorization_code"
    first = (await threads.post("/threads/oauth/access_token", data=form)).json()
    assert first["user_id"] == int(number_of("wikipedia"))
    again = await threads.post("/threads/oauth/access_token", data=form)
    assert (again.status_code, again.json()["code"]) == (400, 400)
    asked = {"grant_type": "th_exchange_token", "client_secret": "s", "access_token": first["access_token"]}
    longer = (await threads.get("/threads/access_token", params=asked)).json()
    assert longer["expires_in"] == 5_183_944
    await threads.put("/_clock", json={"ahead": 4_000})
    assert error(await threads.get(f"{V1}/me", headers={"Authorization": f"Bearer {first['access_token']}"}))[1] == 190
    (await threads.get(f"{V1}/me", headers={"Authorization": f"Bearer {longer['access_token']}"})).raise_for_status()
