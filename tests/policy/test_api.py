"""What policy answers over HTTP."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from services.policy.api import make_app
from services.policy.settings import PolicySettings
from shared.bus.memory import MemoryBus
from shared.events import PostApproved
from shared.http.token import issue, make_key_pair
from shared.process import open_runtime
from shared.process.serving import serving
from tests.policy.conftest import Policy, payload, requested


@pytest.fixture
async def http(settings: PolicySettings, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    key = make_key_pair(tmp_path / "jwt.pem", tmp_path / "jwt.pub.pem")
    settings = settings.model_copy(update={"jwt_key_file": tmp_path / "jwt.pub.pem"})
    runtime = open_runtime("policy", settings, MemoryBus())
    headers = {"Authorization": f"Bearer {issue(key, 'test', ['posts:read'])}"}
    async with (
        serving(make_app(runtime), settings) as address,
        httpx.AsyncClient(base_url=address, headers=headers) as client,
    ):
        yield client
    await runtime.close()


async def test_a_decision_is_told_with_its_reasons(policy: Policy, http: httpx.AsyncClient) -> None:
    request = requested(payload(channel="rehearsal/bluesky"))
    await policy.hear(request)
    (decision,) = (await http.get("/v1/decisions", params={"post": str(request.post)})).json()["decisions"]
    assert decision["verdict"] == "refused"
    assert decision["objections"][0]["rule"] == "channel.stance"
    assert decision["facts"]["trust"] == "team"
    assert (await http.get(f"/v1/decisions/{decision['id']}")).json() == decision


async def test_decisions_are_read_in_pages(policy: Policy, http: httpx.AsyncClient) -> None:
    first = requested()
    said = await policy.hear(*(requested(post=first.post, revision=n) for n in (1, 2, 3)))
    seen: list[str] = []
    after: int | None = 0
    while after is not None:
        query: dict[str, str | int] = {"post": str(first.post), "limit": 2, "after": after}
        page = (await http.get("/v1/decisions", params=query)).json()
        seen += [decision["id"] for decision in page["decisions"]]
        after = page["next"]
    assert seen == [str(event.decision) for event in said if isinstance(event, PostApproved)]


async def test_wrong_questions_are_told_so(http: httpx.AsyncClient) -> None:
    missing = await http.get(f"/v1/decisions/{uuid4()}")
    assert (missing.status_code, missing.json()["type"]) == (404, "urn:carillon:problem:not-found")
    assert (await http.get("/v1/decisions")).json()["errors"][0]["pointer"] == "query/post"
    assert (await http.get("/v1/decisions", params={"post": "x"})).status_code == 422
    assert (await http.get("/v1/decisions", headers={"Authorization": "Bearer x"})).status_code == 401
