"""What publisher answers over HTTP, and what it keeps to itself."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text

from services.publisher.api import make_app
from services.publisher.settings import PublisherSettings
from shared.bus.memory import MemoryBus
from shared.database import begin
from shared.http.token import issue, make_key_pair
from shared.process import open_runtime
from shared.process.serving import serving
from tests.publisher.conftest import Publisher, approved, requested

SECRET = "AAANRrT1NjhIdmVyeSBzZWNyZXQ"
SESSION = f"https://www.googleapis.com/upload/youtube/v3/videos?uploadType=resumable&upload_id={SECRET}"


@pytest.fixture
async def http(settings: PublisherSettings, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    key = make_key_pair(tmp_path / "jwt.pem", tmp_path / "jwt.pub.pem")
    settings = settings.model_copy(update={"jwt_key_file": tmp_path / "jwt.pub.pem"})
    runtime = open_runtime("publisher", settings, MemoryBus())
    headers = {"Authorization": f"Bearer {issue(key, 'test', ['posts:read'])}"}
    async with (
        serving(make_app(runtime), settings) as address,
        httpx.AsyncClient(base_url=address, headers=headers) as client,
    ):
        yield client
    await runtime.close()


async def under_way(publisher: Publisher, resume: dict[str, Any]) -> UUID:
    """Return a post that a worker has got so far with."""
    request = requested()
    await publisher.hear(request, approved(request))
    change = "UPDATE delivery SET state = 'pending', resume = cast(:resume AS jsonb) WHERE post = :post"
    async with begin(publisher.engine) as db:
        await db.execute(text(change), {"resume": json.dumps(resume), "post": request.post})
    return request.post


@pytest.mark.parametrize(
    "resume",
    [
        {"session": SESSION, "closing": "2026-01-01T00:00:00Z"},
        {
            "media": [{"urn": "urn:li:video:1", "token": SECRET, "left": [[SESSION, 0, 9]], "etags": [SECRET]}],
            "anew": 0,
        },
        {"publish_id": "v_pub_url~1", "upload": SECRET, "sent": 0},
        {"video": {"id": "1", "upload_session_id": SECRET, "address": SESSION}},
        {"parts": [{"id": "1", "url": SESSION, "session": SECRET}, {"uri": "at://2", "cid": SECRET}, "3"]},
        {"parts": [{"session": SECRET}]},
    ],
)
async def test_addresses_of_uploads_are_shown_to_nobody(
    publisher: Publisher, http: httpx.AsyncClient, resume: dict[str, Any]
) -> None:
    post = await under_way(publisher, resume)
    assert (await publisher.row(post)).resume == resume
    one = await http.get(f"/v1/deliveries/{post}")
    some = await http.get("/v1/deliveries", params={"state": "pending"})
    for answer in (one, some):
        assert answer.status_code == 200, answer.text
        assert str(post) in answer.text
        assert SECRET not in answer.text
        assert "upload_id" not in answer.text


async def test_what_is_public_of_a_thread_is_told(publisher: Publisher, http: httpx.AsyncClient) -> None:
    parts = [{"uri": "at://one", "cid": "x"}, {"id": "2", "url": "https://example.org/2"}, "3"]
    post = await under_way(publisher, {"parts": parts})
    told = (await http.get(f"/v1/deliveries/{post}")).json()
    assert (told["state"], told["parts"], told["tries"]) == ("pending", ["at://one", "2", "3"], [])
    assert "resume" not in told
    (listed,) = (await http.get("/v1/deliveries")).json()["deliveries"]
    assert listed == {name: value for name, value in told.items() if name != "tries"}


async def test_deliveries_are_read_in_pages(publisher: Publisher, http: httpx.AsyncClient) -> None:
    made = {str(await under_way(publisher, {})) for _ in range(3)}
    first = (await http.get("/v1/deliveries", params={"limit": 2})).json()
    rest = (await http.get("/v1/deliveries", params={"limit": 2, "after": first["next"]})).json()
    assert {one["post"] for one in first["deliveries"] + rest["deliveries"]} == made
    assert rest["next"] is None


async def test_wrong_questions_are_told_so(http: httpx.AsyncClient) -> None:
    missing = await http.get(f"/v1/deliveries/{uuid4()}")
    assert (missing.status_code, missing.json()["type"]) == (404, "urn:carillon:problem:not-found")
    assert (await http.get("/v1/deliveries", params={"state": "x"})).json()["errors"][0]["pointer"] == "query/state"
    assert (await http.get("/v1/deliveries", headers={"Authorization": "Bearer x"})).status_code == 401
