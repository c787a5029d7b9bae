"""Posts: making, editing, reposting and deleting."""

from typing import Any

from deploy.sandbox.ledger import Media as Shown
from deploy.sandbox.ledger import Post
from deploy.sandbox.people import number_of
from deploy.sandbox.platforms.x.asking import Wanted, wanted_of
from deploy.sandbox.platforms.x.counting import MOST, weight
from deploy.sandbox.platforms.x.entities import iso
from deploy.sandbox.platforms.x.errors import forbidden, invalid, refused
from deploy.sandbox.platforms.x.state import NAME, State, Told, Upload
from deploy.sandbox.wire import Answer, Call, json_answer

SELF_SERVE = "selfserve"
"""Accounts whose name begins so are of an app that pays by use, without a subscription."""
DUPLICATE_SECONDS = 12 * 3_600.0
"""For how long a text may not be said again; X publishes no figure."""
EDITABLE_SECONDS = 1_800.0
MOST_EDITS = 5


class Posts:
    """The handlers that make and take back."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def create(self, call: Call) -> Answer:
        """Make a post, or change one."""
        account = self._state.caller(call, "create_15min", "posts_3h")
        wanted = wanted_of(call.json())
        if weight(wanted.text) > MOST:
            raise forbidden("Your Post text is too long.")
        if wanted.edits:
            return _made(self._edited(account, wanted))
        media = self._media(account, wanted)
        self._allowed(account, wanted)
        told = self._told(account, wanted, media, call)
        self._state.add(told)
        call.published += 1
        return _made(told)

    async def delete(self, call: Call) -> Answer:
        """Delete one's own post, in all its versions."""
        account = self._state.caller(call, "delete_15min")
        told = self._state.posts.get(call.args["id"])
        if told is None:
            raise refused(404, "", "resource-not-found")
        if told.account != account:
            raise forbidden("You are not authorized to delete this Post.")
        self._state.drop(told)
        return json_answer({"data": {"deleted": True}})

    async def repost(self, call: Call) -> Answer:
        """Repost a post; a second time nothing happens."""
        account = self._own_path(call)
        asked = call.json()
        subject = asked.get("tweet_id") if isinstance(asked, dict) else None
        if not isinstance(subject, str) or not self._exists(account, subject):
            raise refused(404, "Could not find the Post.", "resource-not-found")
        if self._reposted(account, subject) is None:
            post_id, now = self._state.new_id(), self._state.world.now()
            post = Post(NAME, account, post_id, "", now, "repost", details={"subject": subject})
            told = Told(post_id, account, f"RT {subject}", now, post, post_id, reposts=subject)
            self._state.add(told)
            call.published += 1
        return json_answer({"data": {"retweeted": True, "rest_id": subject}})

    async def unrepost(self, call: Call) -> Answer:
        """Take a repost back; a second time nothing happens."""
        account = self._own_path(call)
        if told := self._reposted(account, call.args["source"]):
            self._state.drop(told)
        return json_answer({"data": {"retweeted": False}})

    def _own_path(self, call: Call) -> str:
        account = self._state.caller(call, "reposts_15min", "posts_3h")
        if call.args["id"] != number_of(account):
            raise forbidden("You are not permitted to perform this action.")
        return account

    def _reposted(self, account: str, subject: str) -> Told | None:
        posts = self._state.by_account.get(account, {}).values()
        return next((told for told in posts if told.reposts == subject), None)

    def _exists(self, account: str, post_id: str) -> bool:
        return post_id in self._state.posts or self._said_to(account, post_id)

    def _said_to(self, account: str, post_id: str) -> bool:
        return any(voice.id == post_id for voice in self._state.world.voices.to(NAME, account))

    def _allowed(self, account: str, wanted: Wanted) -> None:
        """Refuse a duplicate, an unknown post, and what an app that pays by use may not do."""
        for other in (wanted.reply_to, wanted.quotes):
            if other and not self._exists(account, other):
                raise forbidden("You attempted to reply to or quote a Post that is deleted or not visible to you.")
        if account.startswith(SELF_SERVE):
            parent = self._state.posts.get(wanted.reply_to or "")
            if wanted.quotes:
                raise forbidden("Quoting a post is not permitted with your access.")
            if parent and parent.account != account:
                raise forbidden("Reply to this conversation is not allowed: you were not mentioned by its author.")
        since = self._state.world.now() - DUPLICATE_SECONDS
        for told in self._state.by_account.get(account, {}).values():
            same = told.text == wanted.text and told.reply_to == wanted.reply_to and told.quotes == wanted.quotes
            if same and told.time >= since and told.reposts is None:
                raise forbidden("You are not allowed to create a Tweet with duplicate content.")

    def _media(self, account: str, wanted: Wanted) -> list[Upload]:
        now, found = self._state.world.now(), []
        for one in wanted.media:
            upload = self._state.uploads.get(one)
            if upload is None or upload.account != account or upload.ends <= now or upload.ready > now or upload.failed:
                raise invalid("Your media IDs are invalid.")
            found.append(upload)
        if len(found) > 1 and any(one.film for one in found):
            raise invalid("A Post takes four photos, or one GIF, or one video.")
        return found

    def _told(self, account: str, wanted: Wanted, media: list[Upload], call: Call) -> Told:
        post_id, now = self._state.new_id(), self._state.world.now()
        parent = self._state.posts.get(wanted.reply_to or "")
        post = Post(NAME, account, post_id, wanted.text, now, url=f"{call.base}/{account}/status/{post_id}")
        post.reply_to, post.root = wanted.reply_to, (parent.conversation if parent else wanted.reply_to)
        post.media = tuple(_shown(one) for one in media)
        post.details = {"quotes": wanted.quotes, "poll": wanted.poll}
        told = Told(post_id, account, wanted.text, now, post, post.root or post_id, wanted.reply_to, wanted.quotes)
        told.media = media
        if wanted.poll:
            told.poll = self._poll(wanted.poll, now)
        return told

    def _poll(self, asked: dict[str, Any], now: float) -> dict[str, Any]:
        options = [{"position": place, "label": label, "votes": 0} for place, label in enumerate(asked["options"], 1)]
        minutes = asked["duration_minutes"]
        ends = iso(now + 60 * minutes)
        return {
            "id": self._state.new_id(),
            "options": options,
            "duration_minutes": minutes,
            "end_datetime": ends,
            "voting_status": "open",
        }

    def _edited(self, account: str, wanted: Wanted) -> Told:
        told = self._state.posts.get(wanted.edits or "")
        if told is None or told.account != account:
            raise forbidden("You are not authorized to edit this Post.")
        late = self._state.world.now() - told.time > EDITABLE_SECONDS
        if account.startswith(SELF_SERVE) or late or told.poll or len(told.versions) >= MOST_EDITS:
            raise forbidden("This Post cannot be edited.")
        del self._state.by_account[account][told.id]
        told.versions.append(told.id)
        told.id = told.post.id = self._state.new_id()
        told.text = told.post.text = wanted.text
        told.post.edits += 1
        self._state.posts[told.id] = self._state.by_account[account][told.id] = told
        return told


def _made(told: Told) -> Answer:
    history = [*told.versions, told.id]
    return json_answer({"data": {"id": told.id, "text": told.text, "edit_history_post_ids": history}}, 201)


def _shown(upload: Upload) -> Shown:
    assert upload.file
    width, height, seconds = upload.film or (upload.file.width, upload.file.height, None)
    return Shown(upload.file.sha256, upload.file.mime, upload.file.size, upload.alt, width, height, seconds)
