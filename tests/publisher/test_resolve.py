"""Where only a person can judge, a person's word counts, once, about what the person saw."""

from typing import Any

import httpx
import pytest

from shared.events import PostChangeSettled
from tests.publisher.conftest import Publisher, approved, cancelled, requested


async def asked(publisher: Publisher, more: str = "") -> Any:
    """Return a post of which nobody knows what came of it."""
    request = requested()
    await publisher.hear(request, approved(request))
    await publisher.force(f"state = 'needs_review', due_at = NULL, fence = 3, unproven = true {more}", request.post)
    return request


async def say(http: httpx.AsyncClient, request: Any, word: str, fence: int = 3, **more: Any) -> httpx.Response:
    body = {"word": word, "fence": fence, "note": "I looked at the page", **more}
    return await http.post(f"/v1/deliveries/{request.post}/resolve", json=body)


async def test_it_landed(publisher: Publisher, http: httpx.AsyncClient) -> None:
    request = await asked(publisher)
    answer = await say(http, request, "landed", external_id="at://1", permalink="https://example.org/1")
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["state"], told["external_id"], told["published_at"] is not None) == ("published", "at://1", True)
    assert told["moves"][-1]["moved_by"] == "test"
    assert told["moves"][-1]["reason"] == "I looked at the page"


async def test_it_did_not_land_and_is_sent_again(publisher: Publisher, http: httpx.AsyncClient) -> None:
    request = await asked(publisher, ", touched = true, tries = 12, looks = 20")
    assert (await say(http, request, "not_landed")).json()["state"] == "planned"
    row = await publisher.row(request.post)
    assert (row.unproven, row.touched, row.tries, row.looks, row.due_at is not None) == (False, False, 0, 0, True)


async def test_a_thread_that_is_there_in_part_goes_on(publisher: Publisher, http: httpx.AsyncClient) -> None:
    request = await asked(publisher, """, touched = true, resume = '{"parts": ["at://1"]}'""")
    assert (await say(http, request, "not_landed")).json()["state"] == "planned"
    row = await publisher.row(request.post)
    assert (row.touched, row.resume) == (True, {"parts": ["at://1"]})


async def test_giving_up_is_a_failure(publisher: Publisher, http: httpx.AsyncClient) -> None:
    request = await asked(publisher)
    assert (await say(http, request, "give_up")).json()["state"] == "failed"


async def test_nothing_is_sent_after_its_last_moment(publisher: Publisher, http: httpx.AsyncClient) -> None:
    request = await asked(publisher, ", not_after = now() - interval '1 second'")
    answer = await say(http, request, "not_landed")
    assert (answer.status_code, "give_up" in answer.json()["remedy"]) == (409, True)
    assert await publisher.state(request.post) == "needs_review"


async def test_a_word_about_an_earlier_try_does_not_count(publisher: Publisher, http: httpx.AsyncClient) -> None:
    request = await asked(publisher)
    assert (await say(http, request, "give_up", fence=2)).status_code == 409
    assert await publisher.state(request.post) == "needs_review"


async def test_a_second_word_does_not_count(publisher: Publisher, http: httpx.AsyncClient) -> None:
    request = await asked(publisher)
    assert (await say(http, request, "give_up")).status_code == 200
    again = await say(http, request, "landed", external_id="at://1")
    assert (again.status_code, "failed" in again.json()["detail"]) == (409, True)


@pytest.mark.parametrize(("word", "more"), [("landed", {}), ("give_up", {"external_id": "1"}), ("perhaps", {})])
async def test_a_word_that_makes_no_sense_is_refused(
    publisher: Publisher, http: httpx.AsyncClient, word: str, more: dict[str, Any]
) -> None:
    request = await asked(publisher)
    assert (await say(http, request, word, **more)).status_code == 422


@pytest.mark.parametrize(("word", "settled"), [("not_landed", "applied"), ("landed", "too_late")])
async def test_a_cancel_that_waited_is_answered(
    publisher: Publisher, http: httpx.AsyncClient, word: str, settled: str
) -> None:
    request = await asked(publisher)
    assert await publisher.hear(cancelled(request)) == []
    more: dict[str, Any] = {"external_id": "at://1"} if word == "landed" else {}
    assert (await say(http, request, word, **more)).status_code == 200
    (answer,) = [event for event in await publisher.stored() if isinstance(event, PostChangeSettled)]
    assert answer.settlement == settled
