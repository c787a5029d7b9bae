"""What has an id: the account, its containers and its media; and the lists of its media."""

from typing import Any

from deploy.sandbox.params import Params, read_params, text
from deploy.sandbox.people import number_of
from deploy.sandbox.platforms.instagram.errors import missing
from deploy.sandbox.platforms.instagram.publishing import permalink
from deploy.sandbox.platforms.instagram.state import DAY, NAME, Container, Medium, State, iso
from deploy.sandbox.wire import Answer, Call, MalformedError, json_answer

MOST = 100


class Nodes:
    """The handlers that read, and the one that deletes nothing."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def get(self, call: Call) -> Answer:
        """Return the fields of an account, a container or a medium that were asked for; always the id."""
        params = await read_params(call)
        account = self._state.caller(call, params)
        wanted = call.args["id"]
        if wanted in ("me", number_of(account)):
            return json_answer(_chosen(self._account(account), params))
        container, medium = self._state.containers.get(wanted), self._state.media.get(wanted)
        if container and container.account == account:
            return json_answer(_chosen(self._container(container), params))
        if medium and medium.account == account:
            return json_answer(_chosen(self._medium(call, medium), params))
        raise missing(wanted)

    async def delete(self, call: Call) -> Answer:
        """Refuse: with Instagram Login nothing is deleted."""
        self._state.caller(call, await read_params(call))
        raise missing(call.args["id"], "delete")

    async def media(self, call: Call) -> Answer:
        """Return the account's posts and reels, newest first."""
        return await self._listed(call, stories=False)

    async def stories(self, call: Call) -> Answer:
        """Return the account's stories of the last day, newest first."""
        return await self._listed(call, stories=True)

    async def _listed(self, call: Call, *, stories: bool) -> Answer:
        params = await read_params(call)
        account = self._state.user(call, params)
        now = self._state.world.now()
        since, until = number(params, "since", 0), number(params, "until", int(now) + 1)
        if stories:
            since = int(now) - DAY
        found = [
            one
            for one in reversed(self._state.media.values())
            if one.account == account and (one.product == "STORY") is stories and since <= one.time <= until
        ]
        first, limit = number(params, "after", 0), min(number(params, "limit", 25), MOST)
        page = found[first : first + limit]
        told: dict[str, Any] = {"data": [_chosen(self._medium(call, one), params) for one in page]}
        if page:
            told["paging"] = {"cursors": {"before": str(first), "after": str(first + len(page))}}
        return json_answer(told)

    def _account(self, account: str) -> dict[str, Any]:
        return {
            "id": number_of(account),
            "user_id": number_of(account),
            "username": account,
            "name": account,
            "account_type": "BUSINESS",
            "followers_count": self._state.world.audience.followers(NAME, account),
            "media_count": sum(one.account == account for one in self._state.media.values()),
        }

    def _container(self, container: Container) -> dict[str, Any]:
        code = container.status(self._state.world.now())
        words = {
            "ERROR": f"Error: Media upload has failed with error code {container.error}",
            "EXPIRED": "Expired: Media was not published within 24 hours and has expired",
            "FINISHED": "Finished: Media has been uploaded and it is ready to be published.",
            "PUBLISHED": "Published: Media has been successfully published.",
        }
        status = words.get(code, "In Progress: Media is still being processed.")
        return {"id": container.id, "status_code": code, "status": status}

    def _medium(self, call: Call, medium: Medium) -> dict[str, Any]:
        """Describe a medium; what is read of a caption lacks the @ of mentions, and a story has none."""
        world = self._state.world
        voices = [one for one in world.voices.to(NAME, medium.account) if one.to == medium.id and one.kind == "reply"]
        shown = {
            "id": medium.id,
            "timestamp": iso(medium.time),
            "permalink": permalink(call, medium),
            "shortcode": medium.shortcode,
            "media_type": medium.form,
            "media_product_type": medium.product,
            "username": medium.account,
            "like_count": world.audience.reactions(medium.id, world.now() - medium.time).likes,
            "comments_count": len(medium.comments) + len(voices),
        }
        caption = medium.post.text.replace("@", "")
        return {**shown, "caption": caption} if caption and medium.product != "STORY" else shown


def number(params: Params, name: str, default: int) -> int:
    """Return a whole number; raises MalformedError for what is none."""
    value = text(params, name)
    if value and not (value.isascii() and value.isdecimal() and len(value) < 15):
        raise MalformedError(f"Param {name} must be a number")
    return int(value) if value else default


def _chosen(told: dict[str, Any], params: Params) -> dict[str, Any]:
    asked = {name.strip() for name in text(params, "fields").split(",")}
    return {name: value for name, value in told.items() if name in asked or name == "id"}
