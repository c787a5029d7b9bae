"""HTTP as callers meet it: on a real socket, with real tokens."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import Depends, FastAPI, Query
from fastapi.responses import StreamingResponse
from prometheus_client import REGISTRY
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from shared.database import engine_for
from shared.events import Trust
from shared.http.app import service_app
from shared.http.auth import Caller, require
from shared.http.conditional import IfMatch, check_match, etag
from shared.http.problems import documented
from shared.http.token import issue, make_key_pair
from shared.process.serving import serving
from shared.settings import Settings, WrongSettingError

Writer = Annotated[Caller, Depends(require("posts:write"))]
SECRET = "hunter2hunter2"


class Wish(BaseModel):
    """Something to ask for."""

    model_config = ConfigDict(extra="forbid")
    text: str = Field(min_length=1, max_length=10)
    at: AwareDatetime | None = None


@pytest.fixture
def key(tmp_path: Path) -> Ed25519PrivateKey:
    return make_key_pair(tmp_path / "jwt.pem", tmp_path / "jwt.pub.pem")


@pytest.fixture
def settings(tmp_path: Path, key: Ed25519PrivateKey) -> Settings:
    # Nobody listens on port 1: the database is away.
    return Settings(jwt_key_file=tmp_path / "jwt.pub.pem", database_url="postgresql://u:hunter2hunter2@127.0.0.1:1")


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    app = service_app("Wishes", "ingest", settings, body_limit=500, body_limits={"/v1/uploads": 5_000})
    engine = engine_for(settings, "ingest")

    @app.post("/v1/wishes/{number}", status_code=202)
    async def wish(number: int, body: Wish, caller: Writer) -> dict[str, str]:
        """Take a wish."""
        return {"tool": caller.tool, "trust": caller.trust}

    @app.post("/v1/uploads")
    async def upload(body: Wish) -> None:
        """Take something large."""

    @app.get("/v1/wishes")
    async def wishes(limit: Annotated[int, Query(ge=1, le=100)] = 10) -> int:
        """Say how many were asked for."""
        return limit

    @app.patch("/v1/wishes/{number}", responses=documented(412, 428))
    async def change(number: int, if_match: IfMatch = None) -> None:
        """Change a wish, whose version is 3."""
        check_match(if_match, 3)

    @app.get("/v1/fault")
    async def fault() -> None:
        """Fail."""
        raise RuntimeError(f"password={SECRET}")

    @app.get("/v1/database")
    async def database() -> None:
        """Ask a database that is away."""
        async with engine.connect():
            pass

    @app.get("/v1/broken")
    async def broken() -> StreamingResponse:
        """Fail in the middle of an answer."""

        async def pieces() -> AsyncIterator[bytes]:
            yield b"half"
            raise RuntimeError

        return StreamingResponse(pieces())

    return app


@pytest.fixture
async def client(app: FastAPI, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(app, settings) as address, httpx.AsyncClient(base_url=address) as client:
        yield client


Ask = Callable[..., Awaitable[httpx.Response]]


@pytest.fixture
def ask(client: httpx.AsyncClient, key: Ed25519PrivateKey) -> Ask:
    """Ask for a wish as a tool that may."""
    token = issue(key, "newsroom", ["posts:write"], trust=Trust.TEAM)

    async def ask(path: str = "/v1/wishes/1", **request: object) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} | dict(request.pop("headers", {}))  # type: ignore[call-overload]  # any headers
        return await client.post(path, headers=headers, **request)  # type: ignore[arg-type]  # as httpx takes them

    return ask


def problem(answer: httpx.Response, status: int, kind: str) -> dict[str, object]:
    """Check that the answer is a problem of this kind, and return it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, object] = answer.json()
    assert body["type"] == f"urn:carillon:problem:{kind}"
    assert body["status"] == status
    assert body["remedy"]
    assert body["trace"] == answer.headers["traceparent"][3:35]
    assert SECRET not in answer.text
    return body


async def test_a_tool_with_the_scope_is_let_in(ask: Ask) -> None:
    answer = await ask(json={"text": "ring"})
    assert (answer.status_code, answer.json()) == (202, {"tool": "newsroom", "trust": "team"})


async def test_each_wrong_field_is_named_with_its_remedy(ask: Ask) -> None:
    sent = {"text": "x" * 11, "at": "2026-03-01T09:00:00", "colour": SECRET}
    body = problem(await ask(json=sent), 422, "invalid")
    errors = {error["pointer"]: error for error in body["errors"]}  # type: ignore[attr-defined]  # it is a list
    assert errors.keys() == {"/text", "/at", "/colour"}
    assert "10" in errors["/text"]["remedy"]
    assert "+02:00" in errors["/at"]["remedy"]
    assert "spelling" in errors["/colour"]["remedy"]


async def test_a_wrong_parameter_is_named_too(client: httpx.AsyncClient) -> None:
    body = problem(await client.get("/v1/wishes?limit=1000"), 422, "invalid")
    assert body["errors"] == [
        {
            "pointer": "query/limit",
            "detail": "Input should be less than or equal to 100.",
            "remedy": "Give 100 or less.",
        }
    ]


async def test_a_body_that_is_not_json(ask: Ask) -> None:
    problem(await ask(content=b'{"text": ', headers={"Content-Type": "application/json"}), 400, "malformed-json")
    problem(await ask(content=b"\xff\xfe", headers={"Content-Type": "application/json"}), 400, "malformed-json")
    problem(await ask(content=b"text=ring", headers={"Content-Type": "text/plain"}), 415, "unsupported-media-type")
    problem(await ask(content=b'{"text": "ring"}'), 415, "unsupported-media-type")
    problem(await ask(), 422, "invalid")
    problem(await ask(json=[1, 2]), 422, "invalid")


async def test_a_body_that_is_too_large_whether_it_says_so_or_not(ask: Ask) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(50):
            yield b" " * 100

    json_type = {"Content-Type": "application/json"}
    assert problem(await ask(content=b" " * 501, headers=json_type), 413, "body-too-large")["limit"] == 500
    problem(await ask(content=endless(), headers=json_type), 413, "body-too-large")
    assert (await ask("/v1/uploads", content=b'{"text": "ring"}' + b" " * 600, headers=json_type)).status_code == 200
    problem(await ask("/v1/uploads", content=b" " * 5_001, headers=json_type), 413, "body-too-large")


async def test_what_is_nowhere_and_what_is_not_done_there(client: httpx.AsyncClient) -> None:
    problem(await client.get("/v2/wishes"), 404, "not-found")
    answer = await client.delete("/v1/wishes")
    problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "GET"


async def test_a_database_that_is_away_is_not_a_fault(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/database")
    problem(answer, 503, "unavailable")
    assert int(answer.headers["retry-after"]) > 0


async def test_a_fault_tells_its_trace_only(client: httpx.AsyncClient) -> None:
    body = problem(await client.get("/v1/fault"), 500, "internal-error")
    assert body.keys() == {"type", "title", "status", "detail", "remedy", "trace"}


async def test_an_answer_that_fails_half_way_does_not_look_whole(client: httpx.AsyncClient) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        await client.get("/v1/broken")


async def test_a_change_names_the_version_it_has_seen(client: httpx.AsyncClient) -> None:
    problem(await client.patch("/v1/wishes/1"), 428, "precondition-required")
    stale = await client.patch("/v1/wishes/1", headers={"If-Match": '"2"'})
    problem(stale, 412, "stale")
    assert stale.headers["etag"] == etag(3)
    problem(await client.patch("/v1/wishes/1", headers={"If-Match": 'W/"3"'}), 412, "stale")
    for seen in ('"3"', '"1", "3"', "*"):
        assert (await client.patch("/v1/wishes/1", headers={"If-Match": seen})).status_code == 200


async def test_a_trace_goes_through(client: httpx.AsyncClient) -> None:
    given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    assert (await client.get("/v1/wishes", headers={"traceparent": given})).headers["traceparent"] == given
    assert (await client.get("/v1/wishes", headers={"traceparent": "x"})).headers["traceparent"] != "x"


async def test_requests_are_counted_by_template(ask: Ask, client: httpx.AsyncClient) -> None:
    def counted(route: str, status: str) -> float:
        labels = {"service": "ingest", "method": "POST", "route": route, "status": status}
        return REGISTRY.get_sample_value("carillon_http_requests_total", labels) or 0

    before, unmatched = counted("/v1/wishes/{number}", "202"), counted("unmatched", "404")
    for number in (7, 8):
        await ask(f"/v1/wishes/{number}", json={"text": "ring"})
        await ask(f"/v1/nothing/{number}")
    assert counted("/v1/wishes/{number}", "202") == before + 2
    assert counted("unmatched", "404") == unmatched + 2


async def test_openapi_tells_the_errors_as_problems(client: httpx.AsyncClient) -> None:
    described = (await client.get("/openapi.json")).json()
    operation = described["paths"]["/v1/wishes/{number}"]["post"]
    assert operation["operationId"] == "wish"
    assert {"400", "401", "403", "413", "415", "422", "503"} <= operation["responses"].keys()
    for status, response in operation["responses"].items():
        assert status < "400" or response["content"].keys() == {"application/problem+json"}
    assert "412" in described["paths"]["/v1/wishes/{number}"]["patch"]["responses"]
    assert "401" not in described["paths"]["/v1/wishes"]["get"]["responses"]


class TestCallers:
    """Who is let in."""

    @staticmethod
    async def refused(client: httpx.AsyncClient, token: str | None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
        return await client.post("/v1/wishes/1", json={"text": "ring"}, headers=headers)

    async def test_nobody(self, client: httpx.AsyncClient) -> None:
        answer = await self.refused(client, None)
        problem(answer, 401, "unauthorized")
        assert answer.headers["www-authenticate"] == "Bearer"

    async def test_without_the_scope(self, client: httpx.AsyncClient, key: Ed25519PrivateKey) -> None:
        answer = await self.refused(client, issue(key, "newsroom", ["posts:read"]))
        assert "posts:write" in str(problem(answer, 403, "scope-missing")["detail"])
        assert 'scope="posts:write"' in answer.headers["www-authenticate"]

    async def test_with_a_token_that_is_not_taken(self, client: httpx.AsyncClient, key: Ed25519PrivateKey) -> None:
        write = ["posts:write"]
        claims = {"sub": "newsroom", "scope": "posts:write", "aud": "carillon"}
        public = key.public_key().public_bytes_raw()
        tokens = {
            "expired": issue(key, "newsroom", write, lasting=timedelta(hours=-1)),
            "somebody else": issue(key, "newsroom", write, audience="another"),
            "signature": issue(Ed25519PrivateKey.generate(), "newsroom", write),
            "lacks": jwt.encode(claims, key, algorithm="EdDSA"),
            "EdDSA": jwt.encode(claims | {"exp": 9_999_999_999}, public, algorithm="HS256"),
            "'sub'": issue(key, "no such tool\n", write),
            "'trust'": jwt.encode(claims | {"exp": 9_999_999_999, "trust": "king"}, key, algorithm="EdDSA"),
            "not a JWT": SECRET,
        }
        tokens["EdDSA "] = jwt.encode(claims | {"exp": 9_999_999_999}, "", algorithm="none")
        for reason, token in tokens.items():
            answer = await self.refused(client, token)
            assert reason.strip() in str(problem(answer, 401, "unauthorized")["detail"])
            assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'

    async def test_trust_is_guest_unless_it_is_said(self, client: httpx.AsyncClient, key: Ed25519PrivateKey) -> None:
        claims = {"sub": "newsroom", "scope": "posts:write", "aud": "carillon", "exp": 9_999_999_999}
        answer = await self.refused(client, jwt.encode(claims, key, algorithm="EdDSA"))
        assert answer.json()["trust"] == "guest"

    async def test_a_new_key_file_is_taken_and_the_old_key_is_not(
        self, client: httpx.AsyncClient, key: Ed25519PrivateKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("shared.http.keys.LOOK_AGAIN", 0.0)
        old = issue(key, "newsroom", ["posts:write"])
        assert (await self.refused(client, old)).status_code == 202
        (tmp_path / "jwt.pub.pem").write_text("half a fi")
        assert (await self.refused(client, old)).status_code == 202
        new_key = make_key_pair(tmp_path / "new.pem", tmp_path / "new.pub.pem")
        (tmp_path / "new.pub.pem").replace(tmp_path / "jwt.pub.pem")
        assert (await self.refused(client, issue(new_key, "newsroom", ["posts:write"]))).status_code == 202
        assert (await self.refused(client, old)).status_code == 401


async def test_keys_of_an_identity_provider(key: Ed25519PrivateKey, settings: Settings) -> None:
    provider = FastAPI(openapi_url=None)
    published = {**jwt.algorithms.OKPAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": "k1", "use": "sig"}
    asked: list[int] = []

    @provider.get("/keys")
    async def keys() -> dict[str, object]:
        asked.append(1)
        return {"keys": [published]}

    claims = {"sub": "newsroom", "scope": "posts:write", "aud": "carillon", "exp": 9_999_999_999}

    async def answer_to(app: FastAPI, kid: str) -> int:
        token = jwt.encode(claims, key, algorithm="EdDSA", headers={"kid": kid})
        async with serving(app, settings) as address, httpx.AsyncClient(base_url=address) as client:
            headers = {"Authorization": f"Bearer {token}"}
            return (await client.post("/", headers=headers)).status_code

    def guarded(jwks_url: str) -> FastAPI:
        app = service_app("Wishes", "ingest", Settings(jwks_url=jwks_url))

        @app.post("/")
        async def wish(caller: Writer) -> None:
            """Take a wish."""

        return app

    async with serving(provider, settings) as address:
        app = guarded(f"{address}/keys")
        assert [await answer_to(app, kid) for kid in ("k1", "k1", "unknown", "unknown")] == [200, 200, 401, 401]
        assert len(asked) == 1
    assert await answer_to(guarded("http://127.0.0.1:1/keys"), "k1") == 503


def test_an_api_without_a_key_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(WrongSettingError, match="JWT_KEY_FILE"):
        service_app("Wishes", "ingest", Settings())
    (tmp_path / "not.pem").write_text("not a key")
    for path in (tmp_path / "missing.pem", tmp_path / "not.pem"):
        with pytest.raises(WrongSettingError, match="JWT_KEY_FILE"):
            service_app("Wishes", "ingest", Settings(jwt_key_file=path))


def test_a_key_pair_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    private, public = tmp_path / "keys" / "jwt.pem", tmp_path / "keys" / "jwt.pub.pem"
    first = make_key_pair(private, public).private_bytes_raw()
    assert private.stat().st_mode & 0o777 == 0o600
    assert make_key_pair(private, public).private_bytes_raw() == first
    assert "PUBLIC" in public.read_text()


def test_an_unknown_scope_is_a_mistake_in_the_code() -> None:
    with pytest.raises(ValueError, match="posts:write"):
        require("posts:destroy")
