"""The shipped samples, sent as any tool would send them, and what must come of each."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from deploy.local.programs import SAMPLES

SETTLED = {"published", "refused", "in_review", "cancelled", "failed", "expired", "unpreparable", "rejected"}
"""States in which a sample's post stays."""


@dataclass
class Ringing:
    """One post that a sample asked for, and where it stands."""

    sample: str
    channel: str
    expected: str
    id: str | None = None
    state: str = "sent"
    permalink: str | None = None
    external_id: str | None = None
    """The platform's own id of the post."""
    why: str = ""
    numbers: Mapping[str, int] = field(default_factory=dict)
    history: Sequence[Mapping[str, Any]] = ()

    @property
    def settled(self) -> bool:
        """Whether nothing more will happen to it by itself."""
        return self.state in SETTLED

    @property
    def right(self) -> bool:
        """Whether it ended as the sample says it must."""
        return self.state == self.expected


class Rehearsal:
    """Sends the samples to one ingest, and looks what becomes of them."""

    def __init__(self, http: httpx.AsyncClient, folder: Path = SAMPLES / "requests") -> None:
        self._http = http
        self._files = sorted(folder.glob("*.json"))
        self._media = folder.parent / "media"
        self.posts: list[Ringing] = []

    async def send(self) -> None:
        """Send every sample, and what it says is to be changed after."""
        for file in self._files:
            sample = json.loads(file.read_text())
            sent = [post for post in await self._ask(file.stem, sample) if post.id]
            for post in sent:
                await self._change(post, sample)
            self.posts += [post for post in self._asked if post not in self.posts]

    async def look(self) -> bool:
        """Read every post again; return whether all have settled."""
        for post in self.posts:
            if post.id and not post.settled:
                await self._read(post)
        return all(post.settled for post in self.posts)

    async def measured(self) -> bool:
        """Read the published posts again; return whether all have been measured."""
        published = [post for post in self.posts if post.state == "published"]
        for post in published:
            if not post.numbers:
                await self._read(post)
        return all(post.numbers for post in published)

    async def _ask(self, name: str, sample: Mapping[str, Any]) -> list[Ringing]:
        uploads = {file: await self._upload(file, rights) for file, rights in sample.get("uploads", {}).items()}
        body: dict[str, Any] = with_uploads(sample["send"], uploads)
        if "publish_in" in sample:
            later = datetime.now(UTC) + timedelta(seconds=sample["publish_in"])
            body["timing"] = {"publish_at": later.isoformat()}
        answer = await self._http.post("/v1/requests", json=body, headers={"Idempotency-Key": str(uuid4())})
        self._asked = list(
            _rejected(name, sample, answer) if answer.is_client_error else _accepted(name, sample, answer)
        )
        return self._asked

    async def _upload(self, file: str, rights: Mapping[str, Any]) -> str:
        """Announce a file with its rights, send its bytes, and return the upload's id."""
        headers = {"Idempotency-Key": str(uuid4())}
        announced = await self._http.post("/v1/uploads", json={"rights": rights}, headers=headers)
        made = announced.raise_for_status().json()
        content = (self._media / file).read_bytes()
        (await self._http.put(made["url"], content=content)).raise_for_status()
        return str(made["id"])

    async def _change(self, post: Ringing, sample: Mapping[str, Any]) -> None:
        if "edit" in sample:
            body = {"content": sample["edit"]["content"], "timing": {}, "reason": "as the sample says"}
            await self._changed("PATCH", f"/v1/posts/{post.id}", body)
        if "cancel" in sample:
            await self._changed("POST", f"/v1/posts/{post.id}/cancel", sample["cancel"])

    async def _changed(self, method: str, address: str, body: object) -> None:
        tag = (await self._http.get(address.removesuffix("/cancel"))).headers["ETag"]
        (await self._http.request(method, address, json=body, headers={"If-Match": tag})).raise_for_status()

    async def _read(self, post: Ringing) -> None:
        seen = (await self._http.get(f"/v1/posts/{post.id}")).raise_for_status().json()
        post.state = seen["state"]
        post.history = seen["history"]
        post.numbers = seen["numbers"]
        post.permalink = (seen["published"] or {}).get("permalink")
        post.external_id = (seen["published"] or {}).get("external_id")
        post.why = _why(seen["history"])


def with_uploads(value: Any, uploads: Mapping[str, str]) -> Any:
    """Put the ids of uploads where a sample names their files."""
    if isinstance(value, dict):
        return {key: uploads[one] if key == "upload" else with_uploads(one, uploads) for key, one in value.items()}
    return [with_uploads(one, uploads) for one in value] if isinstance(value, list) else value


def _accepted(name: str, sample: Mapping[str, Any], answer: httpx.Response) -> Iterator[Ringing]:
    for post in answer.raise_for_status().json()["posts"]:
        yield Ringing(name, post["channel"], sample["expect"][post["channel"]], post["id"], post["state"])


def _rejected(name: str, sample: Mapping[str, Any], answer: httpx.Response) -> Iterator[Ringing]:
    problem = answer.json()
    why = "; ".join(f"{e.get('detail', '')} {e.get('remedy', '')}".strip() for e in problem.get("errors", []))
    for channel, expected in sample["expect"].items():
        yield Ringing(name, channel, expected, None, "rejected", why=why or problem.get("detail", ""))


def _why(history: Sequence[Mapping[str, Any]]) -> str:
    """Return the last objection or reason that the history tells."""
    for line in reversed(history):
        data = line["data"]
        if objections := data.get("objections"):
            return "; ".join(f"{o['rule']} ({o['clause']}): {o['message']}" for o in objections)
        if line["type"] in ("post.failed", "post.expired", "post.unpreparable") and data.get("reason"):
            return str(data["reason"])
    return ""
