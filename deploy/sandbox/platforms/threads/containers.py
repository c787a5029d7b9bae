"""Containers: POST /{user}/threads, then GET /{container}; media are fetched from where the caller says they are."""

import json
from typing import Any

from deploy.sandbox.ledger import Media
from deploy.sandbox.params import Params, read_params, text, truth
from deploy.sandbox.pictures import examine
from deploy.sandbox.platforms.threads import limits
from deploy.sandbox.platforms.threads.errors import invalid, missing
from deploy.sandbox.platforms.threads.posts import Posts
from deploy.sandbox.platforms.threads.state import NAME, Container, State
from deploy.sandbox.pull import PullError, pull
from deploy.sandbox.wire import Answer, Call, MalformedError, decode_json, json_answer

KINDS = ("TEXT", "IMAGE", "VIDEO", "CAROUSEL")


class Containers:
    """The handlers about containers."""

    def __init__(self, state: State, posts: Posts) -> None:
        self._state = state
        self._posts = posts

    async def create(self, call: Call) -> Answer:
        """Take what is to be a post, and fetch its medium."""
        params = await read_params(call)
        account = self._state.own_node(call, params)
        self._check(account, params)
        container = self._new(account, params)
        if container.kind == "CAROUSEL":
            self._gather(container, _children(params))
        elif container.kind != "TEXT":
            await self._fetch(container, params)
        slow = self._state.world.faults.slowness(NAME, call.method, call.path)
        container.ready = max(container.ready, container.made + slow)
        self._state.containers[container.id] = container
        if container.kind == "TEXT" and truth(params, "auto_publish_text"):
            return self._posts.publish(call, container)
        return json_answer({"id": container.id})

    def shown(self, account: str, container: Container) -> dict[str, Any]:
        """Return what a container's owner may read of it."""
        if container.account != account:
            raise missing(container.id)
        status = container.status(self._state.world.now())
        return {
            "id": container.id,
            "status": status,
            **({"error_message": container.fault} if status == "ERROR" else {}),
        }

    def _check(self, account: str, params: Params) -> None:
        kind = text(params, "media_type") or ("IMAGE" if text(params, "image_url") else "")
        if kind not in KINDS:
            raise invalid(f"Param media_type must be one of {{{', '.join(KINDS)}}}")
        words, link = text(params, "text"), text(params, "link_attachment")
        if kind == "TEXT" and not words:
            raise invalid("Param text is required for text posts")
        if limits.length(words) > limits.TEXT:
            raise invalid(f"Param text must be at most {limits.TEXT} characters long.")
        if len(text(params, "alt_text")) > limits.ALT:
            raise invalid(f"Param alt_text must be at most {limits.ALT} characters long.")
        if kind != "TEXT" and (link or params.get("poll_attachment")):
            raise invalid("link_attachment and poll_attachment are available for text posts only")
        if len(limits.links(words, link)) > limits.LINKS:
            raise invalid("THREADS_API__LINK_LIMIT_EXCEEDED")
        for name in ("reply_to_id", "quote_post_id"):
            node = text(params, name)
            if node and node not in self._state.threads and not self._state.voice(account, node):
                raise missing(node)

    def _new(self, account: str, params: Params) -> Container:
        now = self._state.world.now()
        return Container(
            id=self._state.next_id(),
            account=account,
            kind=text(params, "media_type") or "IMAGE",
            made=now,
            ready=now,
            text=text(params, "text"),
            item=truth(params, "is_carousel_item"),
            reply_to=text(params, "reply_to_id"),
            quote=text(params, "quote_post_id"),
            link=text(params, "link_attachment"),
            poll=_poll(params),
        )

    def _gather(self, carousel: Container, children: list[str]) -> None:
        least, most = limits.CHILDREN
        if not least <= len(children) <= most:
            raise invalid(f"Param children must have at least {least} and at most {most} items")
        for child in children:
            item = self._state.containers.get(child)
            if item is None or item.account != carousel.account or not item.item:
                raise missing(child)
            if item.status(carousel.made) != "FINISHED":
                raise invalid(f"The child {child} is not ready")
            carousel.media += item.media

    async def _fetch(self, container: Container, params: Params) -> None:
        """Fetch the medium; what is wrong with it is the container's status, not an error of this call."""
        film = container.kind == "VIDEO"
        url = text(params, "video_url" if film else "image_url")
        if not url:
            raise invalid(f"Param {'video_url' if film else 'image_url'} is required")
        world = self._state.world
        container.ready += world.settings.processing_seconds if film else 0
        try:
            data, said = await pull(url, limits.VIDEO_BYTES if film else limits.IMAGE_BYTES)
        except PullError:
            container.fault = "FAILED_DOWNLOADING_VIDEO" if film else "UNKNOWN"
            return
        file = examine(data, said)
        container.fault = limits.film_fault(data, file.mime) if film else limits.picture_fault(file)
        alt = text(params, "alt_text") or None
        container.media = (Media(file.sha256, file.mime, file.size, alt, file.width, file.height),)
        world.shelf.put(file, data)


def _children(params: Params) -> list[str]:
    given = params.get("children")
    if isinstance(given, list):
        return [str(one) for one in given]
    return [one for one in text(params, "children").split(",") if one]


def _poll(params: Params) -> dict[str, str]:
    given = params.get("poll_attachment")
    if not given:
        return {}
    poll = decode_json(given.encode()) if isinstance(given, str) else given
    names = [f"option_{letter}" for letter in "abcd"[: limits.OPTIONS[1]]]
    if not isinstance(poll, dict) or not set(poll) <= set(names):
        raise MalformedError(f"poll_attachment must be an object with {', '.join(names)}: {json.dumps(given)[:80]}")
    options = {name: str(poll[name]) for name in names if name in poll}
    if list(options) != names[: len(options)] or len(options) < limits.OPTIONS[0]:
        raise invalid("poll_attachment must have two to four options")
    if any(not 1 <= limits.length(option) <= limits.OPTION for option in options.values()):
        raise invalid(f"An option must be 1 to {limits.OPTION} characters long")
    return options
