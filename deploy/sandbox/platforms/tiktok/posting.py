"""Handing posts over, and asking what became of them."""

import re
from typing import Any
from uuid import uuid4

from deploy.sandbox.ledger import Media
from deploy.sandbox.params import read_params
from deploy.sandbox.pictures import examine
from deploy.sandbox.platforms.tiktok import checks
from deploy.sandbox.platforms.tiktok.errors import answered, invalid, refused
from deploy.sandbox.platforms.tiktok.state import NAME, Job, State
from deploy.sandbox.pull import PullError, pull
from deploy.sandbox.quotas import ExhaustedError
from deploy.sandbox.wire import Answer, Call

UPLOAD_SECONDS = 3_600
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


class Posting:
    """The handlers about posts that are on their way."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def creator_info(self, call: Call) -> Answer:
        """Return what the account may post; beside HTTP 200 also that it may not now."""
        account = self._state.caller(call, "creator_info_min")
        standing = self._state.world.quotas.take(NAME, "posts_day", account, 0)
        if standing and standing.remaining == 0:
            raise refused(call, 200, "spam_risk_too_many_posts", "The daily post cap is reached.")
        return answered(
            call,
            {
                "creator_avatar_url": f"{call.base}/avatars/{account}.jpeg",
                "creator_username": account,
                "creator_nickname": account,
                "privacy_level_options": checks.privacy_of(account),
                "comment_disabled": False,
                "duet_disabled": False,
                "stitch_disabled": False,
                "max_video_post_duration_sec": checks.VIDEO_SECONDS,
            },
        )

    async def video_init(self, call: Call) -> Answer:
        """Announce a video that is uploaded then."""
        account, about, source, _ = await self._asked(call)
        caption = checks.words(call, about, "title", checks.CAPTION)
        level = checks.privacy(call, about, account)
        if source.get("source") != "FILE_UPLOAD":
            raise invalid(call, "Only source FILE_UPLOAD is stood in for")
        size, chunk, count = checks.chunks(call, source)
        job = self._job(call, account, "FILE_UPLOAD", caption, None, level)
        job.size, job.chunk, job.chunks, job.token = size, chunk, count, uuid4().hex
        address = f"{call.base}/video/?upload_id={job.publish_id.rpartition('.')[2]}&upload_token={job.token}"
        return answered(call, {"publish_id": job.publish_id, "upload_url": address})

    async def photo_init(self, call: Call) -> Answer:
        """Take a photo post: its pictures are fetched and published after the answer."""
        account, about, source, body = await self._asked(call)
        if (body.get("media_type"), body.get("post_mode")) != ("PHOTO", "DIRECT_POST"):
            raise invalid(call, "Only media_type PHOTO with post_mode DIRECT_POST is stood in for")
        title = checks.words(call, about, "title", checks.TITLE)
        text = checks.words(call, about, "description", checks.DESCRIPTION)
        level = checks.privacy(call, about, account)
        images = source.get("photo_images")
        if source.get("source") != "PULL_FROM_URL" or not isinstance(images, list) or not images:
            raise invalid(call, "source_info needs PULL_FROM_URL and photo_images")
        if len(images) > checks.PHOTOS or not all(isinstance(one, str) for one in images):
            raise invalid(call, f"photo_images holds up to {checks.PHOTOS} addresses")
        cover = source.get("photo_cover_index")
        if not isinstance(cover, int) or not 0 <= cover < len(images):
            raise invalid(call, "photo_cover_index must be the index of a photo")
        job = self._job(call, account, "PHOTO", text, title or None, level)
        slow = self._state.world.faults.slowness(NAME, call.method, call.path)
        self._state.start(self._fetch(job, images, slow))
        call.published += 1
        return answered(call, {"publish_id": job.publish_id})

    async def upload(self, call: Call) -> Answer:
        """Take the next chunk: 206 while there are more, 201 with the last."""
        params = {name: values[0] for name, values in call.params().items()}
        job = next((j for j in self._state.jobs.values() if j.token and j.token == params.get("upload_token")), None)
        if job is None:
            raise refused(call, 404, "not_found", "The upload task does not exist.")
        if self._state.world.now() > job.asked + UPLOAD_SECONDS:
            raise refused(call, 403, "url_expired", "The upload_url has expired.")
        found = _RANGE.fullmatch(call.header(b"content-range"))
        first, last, total = map(int, found.groups()) if found else (0, 0, 0)
        number = len(job.received)
        end = job.size if number == job.chunks - 1 else (number + 1) * job.chunk
        if job.ready is not None or (first, last + 1, total) != (job.held, end, job.size):
            raise _out_of_range(call, job)
        if call.header(b"content-type") not in checks.VIDEO_TYPES or len(call.body) != last + 1 - first:
            raise refused(call, 400, "invalid_file_upload", "Content-Type or Content-Length is wrong.")
        job.received.append(call.body)
        headers = [(b"content-range", _progress(job))]
        if end < job.size:
            return Answer(206, headers=headers)
        self._whole(call, job)
        return Answer(201, headers=headers)

    async def status(self, call: Call) -> Answer:
        """Say how far a post is; its id only once it is public and moderation is over."""
        account = self._state.caller(call, "status_min")
        job = self._state.own_job(call, account, (await read_params(call)).get("publish_id"))
        await self._state.caught_up()
        data: dict[str, Any] = {"uploaded_bytes": job.held} if job.chunks else {"downloaded_bytes": _size(job)}
        if job.failed:
            data |= {"status": "FAILED", "fail_reason": job.failed}
        elif job.post is None:
            data["status"] = "PROCESSING_UPLOAD" if job.chunks else "PROCESSING_DOWNLOAD"
        else:
            data["status"] = "PUBLISH_COMPLETE"
            if job.public and job.told <= self._state.world.now():
                data["publicaly_available_post_id"] = [int(job.post.id)]
        return answered(call, data)

    async def _asked(self, call: Call) -> tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]:
        account = self._state.caller(call, "init_min")
        body = await read_params(call)
        about, source = body.get("post_info"), body.get("source_info")
        if not isinstance(about, dict) or not isinstance(source, dict):
            raise invalid(call, "post_info and source_info are required")
        return account, about, source, body

    def _job(self, call: Call, account: str, source: str, text: str, title: str | None, level: str) -> Job:
        try:
            self._state.world.quotas.take(NAME, "posts_day", account)
        except ExhaustedError as error:
            raise refused(call, 403, "spam_risk_too_many_posts", "The daily post cap is reached.") from error
        now, public = self._state.world.now(), level == "PUBLIC_TO_EVERYONE"
        job = Job(self._state.new_id(source), account, source, text, title, public, now)
        self._state.jobs[job.publish_id] = job
        return job

    async def _fetch(self, job: Job, images: list[str], slow: float) -> None:
        media = []
        for address in images:
            try:
                data, said = await pull(address, checks.PHOTO_BYTES)
            except PullError:
                job.failed = "photo_pull_failed"
                return
            file = examine(data, said)
            job.failed = checks.photo_fault(file)
            if job.failed:
                return
            self._state.world.shelf.put(file, data)
            media.append(Media(file.sha256, file.mime, file.size, None, file.width, file.height))
        self._state.done(job, tuple(media), slow)

    def _whole(self, call: Call, job: Job) -> None:
        """Take a video whose last chunk has come: it is public after it was processed, if it can be."""
        world, data = self._state.world, b"".join(job.received)
        job.received = [data]
        file = examine(data, call.header(b"content-type"))
        media, job.failed = checks.film_media(data, file)
        if media is None:
            job.ready = world.now()
            return
        world.shelf.put(file, data)
        slow = world.faults.slowness(NAME, call.method, call.path)
        call.published += 1
        self._state.done(job, (media,), slow or world.settings.processing_seconds)


def _out_of_range(call: Call, job: Job) -> Exception:
    error = refused(call, 416, "invalid_range", "The Content-Range is not the next one.")
    error.answer.headers.append((b"content-range", _progress(job)))
    return error


def _progress(job: Job) -> bytes:
    """Say how many bytes are there, as the guide writes it: `bytes 0-{UPLOADED_BYTES}/{TOTAL_BYTE_LENGTH}`."""
    return f"bytes 0-{job.held}/{job.size}".encode()


def _size(job: Job) -> int:
    return sum(one.size for one in job.media)
