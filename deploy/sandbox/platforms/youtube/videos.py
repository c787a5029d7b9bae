"""Videos: reading, changing and deleting them."""

from typing import Any

from deploy.sandbox.platforms.youtube.errors import parameter, refused
from deploy.sandbox.platforms.youtube.metadata import check_snippet
from deploy.sandbox.platforms.youtube.state import State, Video, channel_of, listing, many, moment, one, parts
from deploy.sandbox.wire import Answer, Call, MalformedError, json_answer

OWNERS = frozenset({"fileDetails", "processingDetails", "suggestions"})
PARTS = OWNERS | {"id", "snippet", "status", "statistics", "contentDetails"}
MOST = 50


class Videos:
    """The handlers about videos."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def listed(self, call: Call) -> Answer:
        """Return the videos of these ids; those that are not there are left out."""
        account = self._state.caller(call)
        asked, ids = parts(call, PARTS), many(call, "id")
        if not ids:
            message = "No filter selected. Expected one of: chart, id, myRating"
            raise parameter("missingRequiredParameter", message)
        if len(ids) > MOST:
            raise parameter("invalidFilters", "The request specifies too many ids.")
        found = [self._state.videos[one] for one in ids if one in self._state.videos]
        if OWNERS & set(asked) and any(video.account != account for video in found):
            raise refused(403, "forbidden", "The request cannot access the file or processing details of the video.")
        items = [video_resource(self._state, video, asked) for video in found]
        return json_answer(listing("video", items, 0, MOST))

    async def update(self, call: Call) -> Answer:
        """Replace a whole part of one's own video: what the snippet leaves out is gone."""
        account = self._state.caller(call, 50)
        asked, body = parts(call, PARTS), call.json()
        if not isinstance(body, dict):
            raise MalformedError("the body must be a JSON object")
        video = self._state.own_video(account, str(body.get("id")))
        if "snippet" in asked:
            snippet: dict[str, Any] = body.get("snippet") or {}
            check_snippet(snippet)
            if "categoryId" not in snippet:
                raise refused(400, "invalidCategoryId", "The snippet.categoryId property is required.")
            video.snippet = {"description": "", **snippet}
            if video.post:
                video.post.text, video.post.edits = video.snippet["description"], video.post.edits + 1
                video.post.details |= {"title": snippet["title"], "language": snippet.get("defaultLanguage")}
        return json_answer(video_resource(self._state, video, asked))

    async def delete(self, call: Call) -> Answer:
        """Delete one's own video; a second time it is a 404."""
        account = self._state.caller(call, 50)
        video = self._state.own_video(account, one(call, "id"))
        del self._state.videos[video.id]
        if video.post:
            video.post.removed = self._state.world.now()
        return Answer(204)


def video_resource(state: State, video: Video, asked: list[str]) -> dict[str, Any]:
    """Return the parts of a video that are asked for."""
    made = {
        "snippet": _snippet,
        "status": _status,
        "statistics": _statistics,
        "processingDetails": _processing,
        "fileDetails": _file,
        "contentDetails": _content,
    }
    shown: dict[str, Any] = {"kind": "youtube#video", "etag": f"e{video.id}", "id": video.id}
    return shown | {name: make(state, video) for name, make in made.items() if name in asked}


def _snippet(_state: State, video: Video) -> dict[str, Any]:
    own = {"publishedAt": moment(video.time), "channelId": channel_of(video.account), "channelTitle": video.account}
    return {**video.snippet, **own, "liveBroadcastContent": "none"}


def _status(state: State, video: Video) -> dict[str, Any]:
    shown = {"license": "youtube", "embeddable": True, "publicStatsViewable": True, "madeForKids": False}
    shown |= video.status
    if video.ready > state.world.now():
        return {**shown, "uploadStatus": "uploaded"}
    if video.failure is None:
        return {**shown, "uploadStatus": "processed"}
    outcome, why = video.failure
    return {**shown, "uploadStatus": outcome, "failureReason" if outcome == "failed" else "rejectionReason": why}


def _processing(state: State, video: Video) -> dict[str, Any]:
    if video.ready > state.world.now():
        return {"processingStatus": "processing", "fileDetailsAvailability": "inProgress"}
    if video.failure and video.failure[0] == "failed":
        return {"processingStatus": "failed", "processingFailureReason": "transcodeFailed"}
    return {"processingStatus": "succeeded", "fileDetailsAvailability": "available"}


def _file(state: State, video: Video) -> dict[str, Any]:
    if video.ready > state.world.now():
        return {}
    return {"fileName": "unknown", "fileSize": str(video.size), "fileType": "video" if video.film else "other"}


def _content(_state: State, video: Video) -> dict[str, Any]:
    seconds = round(video.film.seconds) if video.film else 0
    return {"duration": f"PT{seconds // 60}M{seconds % 60}S", "caption": "true" if video.captions else "false"}


def _statistics(state: State, video: Video) -> dict[str, Any]:
    """Counts are text; hidden likes are left out."""
    reactions = state.world.audience.reactions(video.id, state.world.now() - video.time)
    shown = {"viewCount": str(reactions.likes * 20), "favoriteCount": "0", "commentCount": str(reactions.replies)}
    return shown if video.account.endswith("_hidden") else {**shown, "likeCount": str(reactions.likes)}
