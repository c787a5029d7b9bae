"""Statuses: posting, reading, editing and deleting."""

import re
from typing import Any

from deploy.sandbox.ledger import Media, Post
from deploy.sandbox.params import Params, read_params, text, texts, truth
from deploy.sandbox.platforms.mastodon import limits
from deploy.sandbox.platforms.mastodon.checks import check_poll, check_text
from deploy.sandbox.platforms.mastodon.entities import status_entity
from deploy.sandbox.platforms.mastodon.errors import not_found, refused, unprocessable
from deploy.sandbox.platforms.mastodon.moments import iso
from deploy.sandbox.platforms.mastodon.state import NAME, State, Status, Upload
from deploy.sandbox.wire import Answer, Call, MalformedError, RefusedError, json_answer

VISIBILITIES = ("public", "unlisted", "private", "direct")
BUCKET = "statuses_3h"


class Statuses:
    """The handlers about statuses."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def post(self, call: Call) -> Answer:
        """Post a status, or return the one that this Idempotency-Key posted within the last hour."""
        params = await read_params(call)
        account = self._state.caller(call, BUCKET)
        key = call.header(b"idempotency-key")
        if key and (known := self._state.known_key(account, key)):
            self._state.uncount(call, BUCKET, account)
            return self._shown(call, self._state.status(known))
        try:
            status = self._new(account, params, key or None)
        except (RefusedError, MalformedError):
            self._state.uncount(call, BUCKET, account)
            raise
        self._publish(call, status)
        if key:
            self._state.remember_key(account, key, status.id)
        return self._shown(call, status)

    async def get(self, call: Call) -> Answer:
        """Return one status, to anybody."""
        if call.bearer():
            self._state.caller(call)
        return self._shown(call, self._state.status(call.args["id"]))

    async def several(self, call: Call) -> Answer:
        """Return the statuses of these ids that there are."""
        if call.bearer():
            self._state.caller(call)
        found = [self._state.statuses.get(one) for one in texts(await read_params(call), "id")]
        return json_answer([status_entity(self._state, one, call.base) for one in found if one])

    async def source(self, call: Call) -> Answer:
        """Return the plain text of one's own status."""
        status = self._state.own_status(self._state.caller(call), call.args["id"])
        return json_answer({"id": status.id, "text": status.text, "spoiler_text": status.spoiler})

    async def context(self, call: Call) -> Answer:
        """Return the thread above and below a status."""
        status = self._state.status(call.args["id"])
        above: list[Status] = []
        parent = self._state.statuses.get(status.reply_to or "")
        while parent:
            above.insert(0, parent)
            parent = self._state.statuses.get(parent.reply_to or "")
        family = {status.id}
        below = []
        for other in self._state.statuses.values():
            if other.reply_to in family:
                family.add(other.id)
                below.append(other)
        shown = {"ancestors": above, "descendants": below}
        return json_answer(
            {name: [status_entity(self._state, one, call.base) for one in some] for name, some in shown.items()}
        )

    async def edit(self, call: Call) -> Answer:
        """Change one's own status in place; its id stays. Media, warning and poll not sent again are dropped."""
        params = await read_params(call)
        account = self._state.caller(call, BUCKET)
        status = self._state.own_status(account, call.args["id"])
        media = self._media(account, texts(params, "media_ids"), status.id)
        before = _content(status)
        words = check_text(params, media, self._state.world.mastodon_characters)
        _describe(media, params)
        status.text, status.spoiler = words
        status.sensitive = truth(params, "sensitive") or bool(status.spoiler)
        status.media, status.poll = media, status.poll if params.get("poll") else None
        if _content(status) != before:
            status.edited = self._state.world.now()
            status.post.edits += 1
        _tell(status)
        return self._shown(call, status)

    async def delete(self, call: Call) -> Answer:
        """Delete one's own status; a second time it is a 404. Without delete_media its uploads can be posted again."""
        params = await read_params(call)
        account = self._state.caller(call, "deletes_30min")
        status = self._state.own_status(account, call.args["id"])
        shown = status_entity(self._state, status, call.base, source=True)
        self._state.drop(status)
        for other in [one for one in self._state.statuses.values() if one.boost_of == status.id]:
            self._state.drop(other)
        if truth(params, "delete_media"):
            for upload in status.media:
                self._state.uploads.pop(upload.id, None)
        return json_answer(shown)

    def _new(self, account: str, params: Params, key: str | None) -> Status:
        if text(params, "scheduled_at"):
            raise unprocessable("Validation failed: Scheduled at can't be used in the sandbox; post at the time itself")
        reply_to = text(params, "in_reply_to_id") or None
        if reply_to and reply_to not in self._state.statuses:
            raise not_found("The post you are trying to reply to does not appear to exist.")
        quoted = text(params, "quoted_status_id") or None
        if quoted and quoted not in self._state.statuses:
            raise not_found("The post you are trying to quote does not appear to exist.")
        visibility = text(params, "visibility") or "public"
        if visibility not in VISIBILITIES:
            raise refused(400, f"'{visibility}' is not a valid visibility")
        now = self._state.world.now()
        media = self._media(account, texts(params, "media_ids"))
        words = check_text(params, media, self._state.world.mastodon_characters)
        poll = self._poll(params.get("poll"), now)
        language = text(params, "language")
        status_id = self._state.ids.next(now)
        post = Post(NAME, account, status_id, words[0], now, key=key)
        sensitive = truth(params, "sensitive") or bool(words[1])
        status = Status(status_id, account, words[0], now, post, words[1], sensitive, visibility)
        status.language = language if re.fullmatch(r"[a-z]{2,3}(-[A-Za-z]{2,4})?", language) else "en"
        status.reply_to, status.media, status.poll, status.quote_of = reply_to, media, poll, quoted
        return status

    def _publish(self, call: Call, status: Status) -> None:
        for upload in status.media:
            upload.status = status.id
        status.post.url = f"{call.base}/@{status.account}/{status.id}"
        _tell(status)
        parent = self._state.statuses.get(status.reply_to or "")
        status.post.reply_to = status.reply_to
        status.post.root = (parent.post.root or parent.id) if parent else None
        self._state.add(status)
        call.published += 1

    def _media(self, account: str, ids: list[str], editing: str | None = None) -> list[Upload]:
        if len(ids) > limits.MAX_MEDIA:
            raise unprocessable("Cannot attach more than 4 files")
        found = [self._state.uploads.get(one) for one in ids]
        media = [one for one in found if one and one.account == account and one.status in (None, editing)]
        if missing := sorted(set(ids) - {one.id for one in media}):
            raise unprocessable(f"Media {', '.join(missing)} not found or already attached to another post")
        if len(media) > 1 and any(not one.file.mime.startswith("image/") for one in media):
            raise unprocessable("Cannot attach a video to a post that already contains images")
        if any(one.ready > self._state.world.now() for one in media):
            raise unprocessable("Cannot attach files that have not finished processing. Try again in a moment!")
        return media

    def _poll(self, asked: Any, now: float) -> dict[str, Any] | None:
        if asked in (None, ""):
            return None
        if not isinstance(asked, dict):
            raise MalformedError("poll must be an object")
        options = check_poll(asked)
        seconds = int(text(asked, "expires_in"))
        return {
            "id": self._state.ids.next(now),
            "expires_at": iso(now + seconds),
            "expired": False,
            "multiple": truth(asked, "multiple"),
            "votes_count": 0,
            "voters_count": 0,
            "voted": True,
            "own_votes": [],
            "options": [{"title": option, "votes_count": 0} for option in options],
            "emojis": [],
        }

    def _shown(self, call: Call, status: Status) -> Answer:
        return json_answer(status_entity(self._state, status, call.base))


def _content(status: Status) -> tuple[object, ...]:
    media = [(one.id, one.description) for one in status.media]
    return status.text, status.spoiler, status.sensitive, media, status.poll


def _describe(media: list[Upload], params: Params) -> None:
    changes = params.get("media_attributes") or []
    for change in changes if isinstance(changes, list) else []:
        if isinstance(change, dict) and "description" in change:
            for upload in media:
                if upload.id == str(change.get("id")):
                    upload.description = text(change, "description")


def _tell(status: Status) -> None:
    """Bring the ledger's view of a status up to date."""
    post = status.post
    post.text = status.text
    post.media = tuple(
        Media(one.file.sha256, one.file.mime, one.file.size, one.description, one.file.width, one.file.height)
        for one in status.media
    )
    post.details = {
        "spoiler": status.spoiler,
        "sensitive": status.sensitive,
        "visibility": status.visibility,
        "language": status.language,
        "quote": status.quote_of,
        "poll": {
            "options": [option["title"] for option in status.poll["options"]],
            "multiple": status.poll["multiple"],
            "expires_at": status.poll["expires_at"],
        }
        if status.poll
        else None,
    }
