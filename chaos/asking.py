"""A tool that asks: again with the same key until there is an answer, as every tool should."""

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from chaos.oracle import Intent

PATIENCE = 180.0
FILMS = frozenset({"youtube", "tiktok"})
PICTURES = frozenset({"instagram"})
FILM = (Path(__file__).parents[1] / "deploy" / "samples" / "media" / "ring-nebula.mp4").read_bytes()
PICTURE = {"commons": "File:KeckObservatory20071020.jpg", "alt": "Two domes under the evening sky."}
RIGHTS = {
    "title": "M57 The Ring Nebula",
    "author": "The Hubble Heritage Team (AURA/STScI/NASA)",
    "source": "https://commons.wikimedia.org/wiki/File:M57_The_Ring_Nebula.JPG",
    "license": "pd",
    "license_name": "Public domain",
}


class Tool:
    """Asks ingest for posts, each on one channel, with a mark at the beginning of each text."""

    def __init__(self, http: httpx.AsyncClient, ingest: str, token: str) -> None:
        self._http = http
        self._ingest = ingest
        self._headers = {"Authorization": f"Bearer {token}"}
        self._film: str | None = None

    async def ask(self, channel: str, mark: str, *, after: float | None = None, parts: int = 1) -> Intent:
        """Ask for one post; `after` says in how many seconds its time has come."""
        marks = (mark,) if parts == 1 else tuple(f"{mark}p{part}" for part in range(1, parts + 1))
        publish_at = None if after is None else time.time() + after
        body: dict[str, Any] = {
            "content": await self._content(channel, marks),
            "channels": [{"channel": channel}],
        }
        if publish_at is not None:
            body["timing"] = {"publish_at": datetime.fromtimestamp(publish_at, UTC).isoformat()}
        answer = await self._until_answered("POST", "/v1/requests", json=body)
        if answer.status_code != httpx.codes.ACCEPTED:
            raise AssertionError(f"ingest answers {answer.status_code}: {answer.text}")
        (post,) = answer.json()["posts"]
        return Intent(post["id"], channel, marks, time.time(), publish_at)

    async def _content(self, channel: str, marks: tuple[str, ...]) -> dict[str, Any]:
        platform, texts = channel.partition("/")[2], [f"{mark}: an article a day" for mark in marks]
        if len(texts) > 1:
            return {"thread": [{"text": text} for text in texts]}
        content: dict[str, Any] = {"text": texts[0]}
        if platform in PICTURES:
            content["media"] = [dict(PICTURE)]
        elif platform in FILMS:
            content |= {"kind": "reel", "title": texts[0], "media": [await self._a_film()]}
        return content

    async def _a_film(self) -> Mapping[str, str]:
        if self._film is None:
            self._film = await self._upload(FILM)
        return {"upload": self._film, "alt": "The camera glides towards a glowing ring of gas around a faint star."}

    async def _upload(self, film: bytes) -> str:
        announced = (await self._until_answered("POST", "/v1/uploads", json={"rights": RIGHTS})).raise_for_status()
        upload: str = announced.json()["id"]
        put = await self._until_answered("PUT", f"/v1/uploads/{upload}", content=film)
        put.raise_for_status()
        return upload

    async def _until_answered(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers = self._headers | {"Idempotency-Key": str(uuid4())}
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    answer = await self._http.request(method, f"{self._ingest}{path}", headers=headers, **more)
                except httpx.TransportError:
                    await asyncio.sleep(0.1)
                    continue
                if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                    return answer
                await asyncio.sleep(0.2)
