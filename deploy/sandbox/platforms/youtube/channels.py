"""Channels, and the playlist of their uploads."""

from typing import Any

from deploy.sandbox.platforms.youtube.errors import not_found, parameter
from deploy.sandbox.platforms.youtube.state import (
    NAME,
    State,
    Video,
    channel_of,
    listing,
    many,
    moment,
    one,
    page,
    parts,
)
from deploy.sandbox.wire import Answer, Call, json_answer

PARTS = frozenset({"id", "snippet", "contentDetails", "statistics", "status"})
ITEM_PARTS = frozenset({"id", "snippet", "contentDetails", "status"})
MOST = 50


class Channels:
    """The handlers about channels."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def listed(self, call: Call) -> Answer:
        """Return the caller's channel, or those of these ids that were seen before."""
        account = self._state.caller(call)
        asked = parts(call, PARTS)
        if one(call, "mine") == "true":
            names: list[str] = [account]
        elif ids := many(call, "id"):
            names = [name for name in map(self._state.people.named, ids) if name]
        else:
            raise parameter("missingRequiredParameter", "No filter selected. Expected one of: id, mine")
        return json_answer(listing("channel", [self._channel(name, asked) for name in names], 0, MOST))

    async def uploads(self, call: Call) -> Answer:
        """Return the uploads of a channel, newest first."""
        account = self._state.caller(call)
        asked = parts(call, ITEM_PARTS)
        playlist = one(call, "playlistId")
        name = self._state.people.named(playlist.removeprefix("UU"))
        if name is None or not playlist.startswith("UU"):
            raise not_found("playlistNotFound", "The playlist identified with the playlistId cannot be found.")
        shown = [video for video in self._state.of(name) if name == account or video.post]
        first, size = page(call, MOST, 5)
        items = [_entry(video, playlist, place, asked) for place, video in enumerate(shown)]
        return json_answer(listing("playlistItem", items, first, size))

    def _channel(self, name: str, asked: list[str]) -> dict[str, Any]:
        number = channel_of(name)
        every = {
            "snippet": {"title": name, "description": "", "customUrl": f"@{name}", "publishedAt": moment(0)},
            "contentDetails": {"relatedPlaylists": {"likes": "", "uploads": f"UU{number}"}},
            "statistics": self._statistics(name),
            "status": {"privacyStatus": "public", "isLinked": True, "longUploadsStatus": "allowed"},
        }
        shown: dict[str, Any] = {"kind": "youtube#channel", "etag": f"e{number}", "id": number}
        return shown | {part: every[part] for part in asked if part in every}

    def _statistics(self, name: str) -> dict[str, Any]:
        """Subscribers are told in three figures that count, rounded down."""
        hidden = name.endswith("_hidden")
        count = self._state.world.audience.followers(NAME, name)
        rounded = int(str(count)[:3].ljust(len(str(count)), "0"))
        shown: dict[str, Any] = {"viewCount": "0", "videoCount": str(len(self._state.of(name)))}
        shown["hiddenSubscriberCount"] = hidden
        return shown if hidden else {**shown, "subscriberCount": str(rounded)}


def _entry(video: Video, playlist: str, place: int, asked: list[str]) -> dict[str, Any]:
    own = channel_of(video.account)
    every = {
        "snippet": {
            "publishedAt": moment(video.time),
            "channelId": own,
            "title": video.snippet["title"],
            "description": video.snippet["description"],
            "playlistId": playlist,
            "position": place,
            "resourceId": {"kind": "youtube#video", "videoId": video.id},
        },
        "contentDetails": {"videoId": video.id, "videoPublishedAt": moment(video.time)},
        "status": {"privacyStatus": video.status["privacyStatus"]},
    }
    shown: dict[str, Any] = {"kind": "youtube#playlistItem", "id": f"{playlist}.{video.id}"}
    return shown | {part: every[part] for part in asked if part in every}
