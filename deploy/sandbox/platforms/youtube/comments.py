"""Comments below videos: the channel's own, and what others say."""

from dataclasses import dataclass
from typing import Any

from deploy.sandbox.ledger import Post
from deploy.sandbox.platforms.youtube.errors import bad, parameter, refused
from deploy.sandbox.platforms.youtube.state import NAME, Comment, State, channel_of, listing, moment, one, page, parts
from deploy.sandbox.wire import Answer, Call, json_answer

LONGEST = 10_000
MOST = 100
PARTS = frozenset({"id", "snippet", "replies"})


@dataclass(frozen=True, slots=True)
class Said:
    """One comment as it is shown; `own` where the caller may see what was written."""

    id: str
    author: str
    text: str
    time: float
    video: str
    own: bool


class Comments:
    """The handlers about comments."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def insert(self, call: Call) -> Answer:
        """Comment a video; the same comment again is another one."""
        account = self._state.caller(call, 50)
        parts(call, PARTS)
        video, text = _asked(call.json())
        self._state.video(video)
        comment = Comment(self._state.new_id(26), account, video, text, self._state.world.now())
        self._state.comments.append(comment)
        post = Post(NAME, account, comment.id, text, comment.time, "comment", reply_to=video)
        self._state.world.ledger.add(post)
        call.published += 1
        said = Said(comment.id, account, text, comment.time, video, own=True)
        return json_answer(_thread(said, channel_of(account)))

    async def listed(self, call: Call) -> Answer:
        """Return the comments below a video, or below all of a channel's, newest first."""
        account = self._state.caller(call)
        parts(call, PARTS)
        video, channel = one(call, "videoId"), one(call, "allThreadsRelatedToChannelId")
        if bool(video) == bool(channel):
            raise parameter("missingRequiredParameter", "Expected one of: allThreadsRelatedToChannelId, id, videoId")
        owner = self._state.video(video).account if video else self._state.people.named(channel)
        if owner is None:
            raise refused(404, "channelNotFound", "The channel cannot be found.", "youtube.commentThread")
        said = [one for one in self._below(owner, account) if not video or one.video == video]
        said.sort(key=lambda one: one.time, reverse=True)
        first, size = page(call, MOST, 20)
        items = [_thread(one, channel_of(owner)) for one in said]
        return json_answer(listing("commentThread", items, first, size))

    def _below(self, owner: str, caller: str) -> list[Said]:
        videos = {video.id for video in self._state.of(owner)}
        own = [
            Said(one.id, one.account, one.text, one.time, one.video, one.account == caller)
            for one in self._state.comments
            if one.video in videos
        ]
        others = [
            Said(voice.id, voice.author, voice.text, voice.time, voice.to or "", own=False)
            for voice in self._state.world.voices.to(NAME, owner)
            if voice.kind == "reply"
        ]
        return own + others


def _asked(body: Any) -> tuple[str, str]:
    """Return video and text of a comment; raises 400."""
    snippet = body.get("snippet") if isinstance(body, dict) else None
    if not isinstance(snippet, dict) or not (snippet.get("videoId") and snippet.get("channelId")):
        raise bad("channelOrVideoIdMissing", "The comment thread must be linked to a video or channel.")
    top = snippet.get("topLevelComment")
    said = top.get("snippet") if isinstance(top, dict) else None
    text = said.get("textOriginal") if isinstance(said, dict) else None
    if not isinstance(text, str) or not text.strip():
        raise bad("commentTextRequired", "The comment cannot be blank.")
    if len(text) > LONGEST:
        raise bad("commentTextTooLong", "The comment has too many characters.")
    return str(snippet["videoId"]), text


def _thread(said: Said, channel: str) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "textDisplay": said.text,
        "authorDisplayName": f"@{said.author}",
        "authorChannelId": {"value": channel_of(said.author)},
        "channelId": channel,
        "videoId": said.video,
        "likeCount": 0,
        "publishedAt": moment(said.time),
        "updatedAt": moment(said.time),
    }
    if said.own:
        shown["textOriginal"] = said.text
    comment = {"kind": "youtube#comment", "id": said.id, "snippet": shown}
    snippet = {"channelId": channel, "videoId": said.video, "topLevelComment": comment, "totalReplyCount": 0}
    return {"kind": "youtube#commentThread", "id": said.id, "snippet": {**snippet, "canReply": True, "isPublic": True}}
