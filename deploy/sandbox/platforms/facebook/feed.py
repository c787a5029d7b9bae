"""A Page's posts: making one of text, link and photos, and listing them."""

import json
from typing import Any

from deploy.sandbox.params import Params, read_params, text
from deploy.sandbox.platforms.facebook.errors import bad_parameter, refused
from deploy.sandbox.platforms.facebook.fields import pick
from deploy.sandbox.platforms.facebook.photos import media_of
from deploy.sandbox.platforms.facebook.shown import story_node
from deploy.sandbox.platforms.facebook.state import Photo, State, Story
from deploy.sandbox.wire import Answer, Call, json_answer

MOST_PHOTOS = 10
MOST_LISTED = 100


class Feed:
    """The handlers of `/{page}/feed` and `/{page}/published_posts`."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def post(self, call: Call) -> Answer:
        """Publish a post."""
        params = await read_params(call)
        page = self._state.page(call)
        message, link = text(params, "message"), text(params, "link") or None
        photos = self._photos(page, params)
        if not (message.strip() or link or photos):
            raise bad_parameter("Missing message or attachment")
        if link and photos:
            raise bad_parameter("link and attached_media cannot be used together")
        if link and not link.startswith(("http://", "https://")):
            raise refused(1500, "(#1500) The url you supplied is invalid")
        self._refuse_same(page, message, link, photos)
        story = self._state.new_story(call, page, message, "post", media_of(photos))
        story.link, story.photos = link, photos
        story.post.details = {"link": link}
        self._state.publish(call, story)
        return json_answer({"id": story.id})

    def _photos(self, page: str, params: Params) -> tuple[Photo, ...]:
        """Return the photos that are attached, each of this Page and in no post yet."""
        found = []
        for one in _attached(params):
            photo = self._state.photos.get(one)
            if photo is None or photo.page != page or photo.story:
                raise bad_parameter(f"Invalid parameter: attached_media {one} cannot be used")
            found.append(photo)
        if len(found) > MOST_PHOTOS:
            raise bad_parameter("Invalid parameter: too many attached_media")
        return tuple(found)

    def _refuse_same(self, page: str, message: str, link: str | None, photos: tuple[Photo, ...]) -> None:
        """Refuse a post that says just what the Page's last one said."""
        last = next(iter(self._state.of_page(page)), None)
        if last and not photos and not last.post.media and (last.post.text, last.link) == (message, link):
            raise refused(506, "(#506) Duplicate status message", subcode=1_455_006)

    async def published(self, call: Call) -> Answer:
        """List the Page's public posts, newest first, since and until a moment, page by page."""
        page, params = self._state.page(call), call.params()
        asked = params.get("fields", ["id,message,created_time"])[0]
        since, until = (_number(params, name) for name in ("since", "until"))
        limit = min(_number(params, "limit") or 25, MOST_LISTED)
        listed = [
            story
            for story in self._state.of_page(page)
            if story.post.time >= (since or 0) and (until is None or story.post.time <= until)
        ]
        first = _place_after(listed, params.get("after", [""])[0])
        shown = listed[first : first + limit]
        told: dict[str, Any] = {"data": [pick(story_node(self._state, one), asked) for one in shown]}
        if shown:
            told["paging"] = {"cursors": {"before": shown[0].id, "after": shown[-1].id}}
            if len(listed) > first + limit:
                told["paging"]["next"] = f"{call.base}{call.path}?limit={limit}&after={shown[-1].id}"
        return json_answer(told)


def _attached(params: Params) -> list[str]:
    """Return the ids of attached media: a list, JSON in a form field, or JSON at `attached_media[0]` and so on."""
    told = params.get("attached_media") or []
    if isinstance(told, dict):
        told = list(told.values())
    try:
        told = json.loads(told) if isinstance(told, str) else told
        return [str((json.loads(one) if isinstance(one, str) else one)["media_fbid"]) for one in told]
    except (ValueError, TypeError, KeyError) as error:
        raise bad_parameter("Invalid parameter: attached_media") from error


def _number(params: dict[str, list[str]], name: str) -> int | None:
    value = params.get(name, [""])[0]
    if not value:
        return None
    if not value.isascii() or not value.isdecimal() or len(value) > 12:
        raise bad_parameter(f"Param {name} must be a number")
    return int(value)


def _place_after(listed: list[Story], cursor: str) -> int:
    return next((place + 1 for place, story in enumerate(listed) if story.id == cursor), 0)
