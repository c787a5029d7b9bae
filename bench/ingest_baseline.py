"""The baseline of `bench.ingest`: the handler that many would write; `python -m bench.ingest_baseline URL PORT`."""

import hashlib
import json
import sys
import uuid
from typing import Annotated, Any, Literal

import uvicorn
from fastapi import FastAPI
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, HttpUrl
from sqlalchemy import Column, DateTime, LargeBinary, MetaData, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import create_async_engine

MOMENT = DateTime(timezone=True)
metadata = MetaData()
IDEM = Table("idem", metadata, Column("account", Text, primary_key=True), Column("key", Text, primary_key=True),
             Column("hash", LargeBinary), Column("request_id", Uuid))  # fmt: skip
REQUEST = Table(
    "request", metadata, Column("id", Uuid, primary_key=True), Column("account", Text), Column("payload", JSONB)
)
POST = Table("post", metadata, Column("id", Uuid, primary_key=True), Column("request_id", Uuid, index=True),
             Column("platform", Text), Column("due_at", MOMENT), Column("body", Text))  # fmt: skip
OUTBOX = Table(
    "outbox", metadata, Column("event_id", Uuid, primary_key=True), Column("topic", Text), Column("payload", JSONB)
)
NEW_KEY = insert(IDEM).on_conflict_do_nothing()


class Strict(BaseModel):
    """Fields it does not know are errors."""

    model_config = ConfigDict(extra="forbid")


class Media(Strict):
    """A picture."""

    url: HttpUrl
    mime: Literal["image/png", "image/jpeg", "video/mp4"]
    alt: Annotated[str, Field(max_length=1000)]
    licence: str


class Target(Strict):
    """A post."""

    platform: Literal["bluesky", "mastodon", "x", "linkedin", "threads"]
    account: Annotated[str, Field(pattern=r"^[a-z0-9_.-]{1,80}$")]
    text: Annotated[str, Field(min_length=1, max_length=3000)]


class PostIn(Strict):
    """A request."""

    title: Annotated[str, Field(max_length=200)]
    due_at: AwareDatetime
    targets: Annotated[list[Target], Field(min_length=1, max_length=20)]
    media: Annotated[list[Media], Field(max_length=10)] = []
    tags: list[Annotated[str, Field(max_length=50)]] = []


def plain(database_url: str) -> FastAPI:
    """Return the handler that many would write: SQLAlchemy, a statement a table, one transaction."""
    engine = create_async_engine(database_url, pool_size=16, max_overflow=0)
    app = FastAPI()

    @app.post("/full", status_code=202)
    async def full(asked: PostIn) -> dict[str, Any]:
        made, stored = uuid.uuid4(), asked.model_dump(mode="json")
        digest = hashlib.sha256(json.dumps(stored, sort_keys=True).encode()).digest()
        posts = [
            {"id": uuid.uuid4(), "request_id": made, "platform": t.platform, "due_at": asked.due_at, "body": t.text}
            for t in asked.targets
        ]
        async with engine.begin() as db:
            key = {"account": "acc", "key": str(made), "hash": digest, "request_id": made}
            if (await db.execute(NEW_KEY, key)).rowcount:
                await db.execute(REQUEST.insert().inline(), {"id": made, "account": "acc", "payload": stored})
                await db.execute(POST.insert().inline(), posts)
                await db.execute(OUTBOX.insert().inline(), [_event(post) for post in posts])
        return {"id": made, "state": "accepted", "posts": len(posts)}

    return app


def _event(post: dict[str, Any]) -> dict[str, Any]:
    payload = {"post": str(post["id"]), "platform": post["platform"]}
    return {"event_id": uuid.uuid4(), "topic": "post.accepted", "payload": payload}


if __name__ == "__main__":
    uvicorn.run(
        plain(sys.argv[1]), port=int(sys.argv[2]), loop="uvloop", http="httptools", access_log=False, log_level="error"
    )
