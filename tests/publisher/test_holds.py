"""Nothing in a hold's scope goes out until it is released; what is long past its time then needs approval again."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from services.publisher.facets import facets_of, scope_of
from services.publisher.schedule import Scheduler
from services.publisher.settings import PublisherSettings
from shared.content import About, Timing
from shared.database import begin
from shared.events import Brief, Requester
from tests.publisher.conftest import CONFIG, Publisher, approved, requested


@pytest.fixture
def scheduler(settings: PublisherSettings) -> Scheduler:
    return Scheduler(settings, lambda: CONFIG)


async def tick(scheduler: Scheduler, publisher: Publisher) -> list[str]:
    async with begin(publisher.engine) as db:
        caused, _ = await scheduler.tick(db)
    return [event.name for event, _ in caused]


async def place(http: httpx.AsyncClient, key: str | None = None, reason: str = "news", **scope: str) -> httpx.Response:
    headers = {"Idempotency-Key": key or str(uuid4())}
    return await http.post("/v1/holds", json={"scope": scope, "reason": reason}, headers=headers)


async def due(publisher: Publisher, scheduler: Scheduler, **more: Any) -> Any:
    request = requested(**more)
    await publisher.hear(request, approved(request))
    assert await tick(scheduler, publisher) == ["post.due"]
    return request


async def test_what_is_due_is_held_at_once(publisher: Publisher, scheduler: Scheduler, http: httpx.AsyncClient) -> None:
    request = await due(publisher, scheduler)
    placed = await place(http, platform="bluesky")
    assert (placed.status_code, placed.json()["stopped"]) == (201, 1)
    row = await publisher.row(request.post)
    assert (row.state, row.reason) == ("held", "a hold covers it: news")


async def test_who_is_behind_a_hold_is_written_down(
    publisher: Publisher, scheduler: Scheduler, http: httpx.AsyncClient
) -> None:
    request, person = await due(publisher, scheduler), uuid4()
    hold = await http.post(
        "/v1/holds", json={"reason": "news", "person": str(person)}, headers={"Idempotency-Key": "one"}
    )
    assert (await publisher.row(request.post)).moved_by == f"test for {person}"
    released = await http.post(f"/v1/holds/{hold.json()['id']}/release", json={"person": str(person)})
    assert released.json()["released_by"] == f"test for {person}"


async def test_what_becomes_due_is_held_then(
    publisher: Publisher, scheduler: Scheduler, http: httpx.AsyncClient
) -> None:
    await place(http)
    request = requested()
    await publisher.hear(request, approved(request))
    assert await publisher.state(request.post) == "planned"
    assert await tick(scheduler, publisher) == ["post.held"]
    assert await publisher.state(request.post) == "held"


async def test_what_was_held_goes_on_when_released(
    publisher: Publisher, scheduler: Scheduler, http: httpx.AsyncClient
) -> None:
    request = await due(publisher, scheduler)
    placed = (await place(http)).json()
    released = await http.post(f"/v1/holds/{placed['id']}/release", json={})
    assert (released.json()["going_on"], released.json()["awaiting_approval"]) == (1, 0)
    assert await tick(scheduler, publisher) == ["post.due"]
    assert await publisher.state(request.post) == "due"


async def test_what_is_long_past_its_time_needs_approval_again(
    publisher: Publisher, scheduler: Scheduler, http: httpx.AsyncClient
) -> None:
    request = await due(publisher, scheduler, timing=Timing(publish_at=datetime.now(UTC) - timedelta(hours=1)))
    placed = (await place(http)).json()
    released = await http.post(f"/v1/holds/{placed['id']}/release", json={})
    assert (released.json()["going_on"], released.json()["awaiting_approval"]) == (0, 1)
    row = await publisher.row(request.post)
    assert (row.state, row.verdict) == ("awaiting", None)
    assert await publisher.hear(approved(request, renewed=True)) in (["post.due"], ["post.scheduled"], [])
    assert await publisher.state(request.post) in ("due", "planned")


async def test_what_another_hold_covers_stays_held(
    publisher: Publisher, scheduler: Scheduler, http: httpx.AsyncClient
) -> None:
    request = await due(publisher, scheduler)
    first = (await place(http, brand="wikipedia")).json()
    await place(http, channel="wikipedia/bluesky")
    released = await http.post(f"/v1/holds/{first['id']}/release", json={})
    assert released.json()["going_on"] == 0
    assert await publisher.state(request.post) == "held"


async def test_a_key_sent_again_places_one_hold(http: httpx.AsyncClient) -> None:
    first, again = await place(http, "one-key"), await place(http, "one-key")
    assert first.json()["id"] == again.json()["id"]
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (await place(http, "one-key", reason="another")).status_code == 409
    assert len((await http.get("/v1/holds")).json()["holds"]) == 1


async def test_a_scope_that_nothing_fits_is_refused(http: httpx.AsyncClient) -> None:
    """It would be taken for a stop, and stop nothing."""
    wrong = await place(http, platform="twitter")
    assert wrong.status_code == 422
    assert wrong.json()["errors"][0]["pointer"] == "/scope/platform"
    assert "Use one of" in wrong.json()["remedy"]
    assert (await place(http, plattform="x")).status_code == 422


async def test_a_released_hold_is_released_once(http: httpx.AsyncClient) -> None:
    placed = (await place(http)).json()
    assert (await http.post(f"/v1/holds/{placed['id']}/release", json={})).status_code == 200
    assert (await http.post(f"/v1/holds/{placed['id']}/release", json={})).status_code == 409
    assert (await http.post(f"/v1/holds/{uuid4()}/release", json={})).status_code == 404
    assert (await http.get("/v1/holds")).json()["holds"] == []
    (known,) = (await http.get("/v1/holds", params={"standing": False})).json()["holds"]
    assert (known["id"], known["released_by"]) == (placed["id"], "test")


async def test_holds_are_read_in_pages(http: httpx.AsyncClient) -> None:
    made = [(await place(http)).json()["id"] for _ in range(3)]
    first = (await http.get("/v1/holds", params={"limit": 2})).json()
    rest = (await http.get("/v1/holds", params={"limit": 2, "after": first["next"]})).json()
    assert [one["id"] for one in first["holds"] + rest["holds"]] == made[::-1]
    assert rest["next"] is None


async def test_policy_and_ingest_hear_of_it(publisher: Publisher, http: httpx.AsyncClient) -> None:
    placed = (await place(http, brand="wikipedia")).json()
    await http.post(f"/v1/holds/{placed['id']}/release", json={})
    assert [event.name for event in await publisher.stored()] == ["hold.placed", "hold.released"]


@pytest.mark.parametrize(
    ("scope", "covered"),
    [
        ({}, True),
        ({"brand": "wikipedia"}, True),
        ({"brand": "foundation"}, False),
        ({"platform": "x", "brand": "wikipedia"}, True),
        ({"channel": "wikipedia/x"}, True),
        ({"campaign": "wlm"}, True),
        ({"campaign": "other"}, False),
        ({"language": "pt"}, True),
        ({"region": "BR"}, True),
        ({"region": "AR"}, True),
        ({"region": "GR"}, False),
        ({"region": "BR", "language": "en"}, False),
    ],
)
def test_what_a_scope_covers(scope: dict[str, str], covered: bool) -> None:
    brief = Brief(
        request=uuid4(),
        channel="wikipedia/x",
        platform="x",
        language="pt",
        about=About(campaign="wlm", regions=("BR", "AR")),
        requester=Requester(tool="test"),
    )
    assert (set(scope_of(scope)) <= set(facets_of(brief))) == covered
