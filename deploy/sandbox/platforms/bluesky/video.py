"""The video service: takes a film for an account, works on it for a while, then puts the blob into its repository."""

import re
from dataclasses import dataclass
from typing import Any

from deploy.sandbox.films import film_of
from deploy.sandbox.pictures import File, examine
from deploy.sandbox.platforms.bluesky.cid import blob_cid
from deploy.sandbox.platforms.bluesky.errors import invalid, refused
from deploy.sandbox.platforms.bluesky.schema import VIDEO_BYTES
from deploy.sandbox.platforms.bluesky.state import NAME, State
from deploy.sandbox.wire import Answer, Call, json_answer

_DID = re.compile(r"did:(plc:[a-z2-7]{24}|web:[a-zA-Z0-9.-]+)(#\w+)?")
LONGEST_TRUST = 3_600
"""Seconds that a service token may be good for."""


@dataclass(frozen=True, slots=True)
class Job:
    """One film in work; `ready` in epoch seconds."""

    id: str
    did: str
    file: File
    cid: str
    ready: float
    failure: str | None


class Videos:
    """The handlers of app.bsky.video, and of the token that lets the service write for an account."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._jobs: dict[str, Job] = {}

    async def get_service_auth(self, call: Call) -> Answer:
        """Return a token for one method of one server."""
        self._state.count_request(call)
        did, _ = self._state.accounts.caller(call)
        audience, method = (self._state.param(call, name) for name in ("aud", "lxm"))
        if not _DID.fullmatch(audience):
            raise invalid("aud must be a valid atproto DID or did#serviceId reference")
        text, now = call.params().get("exp", [""])[0], self._state.world.now()
        until = int(text) if text.isdecimal() and len(text) < 12 else int(now) + 60
        # The sandbox's clock may be ahead of its callers'.
        if until - (now - self._state.world.ahead) > LONGEST_TRUST:
            raise refused("BadExpiration", "cannot request a token with an expiration more than an hour in the future")
        return json_answer({"token": self._state.accounts.service_token(did, audience, method, until)})

    async def upload(self, call: Call) -> Answer:
        """Take a film; the same one again is a 409 that names its job."""
        did = self._state.accounts.trusted(call)
        if did != self._state.param(call, "did"):
            raise refused("InvalidToken", "Token is for another account", 401)
        self._state.param(call, "name")
        if call.header(b"content-type") != "video/mp4":
            raise invalid("Wrong request encoding (Content-Type): expected video/mp4")
        cid = blob_cid(call.body)
        job_id = f"{cid[-12:]}{did[-8:]}"
        if job := self._jobs.get(job_id):
            seen = {"error": "already_exists", "message": "Video already processed"}
            return json_answer(seen | self._shown(job), 409)
        return json_answer(self._shown(self._new(call, job_id, did, cid)))

    async def job_status(self, call: Call) -> Answer:
        """Say how far a job is."""
        job = self._jobs.get(self._state.param(call, "jobId"))
        if job is None:
            raise invalid("Job not found")
        return json_answer({"jobStatus": self._shown(job)})

    def forget(self) -> None:
        """Drop every job."""
        self._jobs.clear()

    def _new(self, call: Call, job_id: str, did: str, cid: str) -> Job:
        world = self._state.world
        file = examine(call.body, "video/mp4")
        film = film_of(call.body) if file.mime == "video/mp4" and file.size <= VIDEO_BYTES else None
        slow = world.faults.slowness(NAME, call.method, call.path) or world.settings.processing_seconds
        if film:
            file = File(file.sha256, file.mime, file.size, film.width, film.height)
            world.shelf.put(file, call.body)
        job = Job(job_id, did, file, cid, world.now() + slow, None if film else "validation_failure")
        self._jobs[job_id] = job
        return job

    def _shown(self, job: Job) -> dict[str, Any]:
        shown: dict[str, Any] = {"jobId": job.id, "did": job.did}
        if job.ready > self._state.world.now():
            return {**shown, "state": "JOB_STATE_ENCODING", "progress": 50}
        if job.failure:
            return {**shown, "state": "JOB_STATE_FAILED", "failureCode": job.failure, "message": "not a video"}
        self._state.repos.blobs[job.cid] = job.file
        blob = {"$type": "blob", "ref": {"$link": job.cid}, "mimeType": job.file.mime, "size": job.file.size}
        return {**shown, "state": "JOB_STATE_COMPLETED", "progress": 100, "blob": blob}
