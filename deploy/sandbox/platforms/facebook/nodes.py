"""Single nodes: reading, editing and deleting them, their insights, and many reads in one call."""

import json
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from deploy.sandbox.params import read_params, text
from deploy.sandbox.people import number_of
from deploy.sandbox.platforms.facebook.errors import bad_parameter
from deploy.sandbox.platforms.facebook.fields import Entity, pick
from deploy.sandbox.platforms.facebook.shown import page_node, photo_node, story_node
from deploy.sandbox.platforms.facebook.state import APP, PERSON, State, check_text, token_of
from deploy.sandbox.platforms.facebook.videos import video_node
from deploy.sandbox.wire import Answer, Call, RefusedError, json_answer

MOST_READS = 50


class Nodes:
    """The handlers of `/{id}`, `/{post}/insights` and the batch."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def get(self, call: Call) -> Answer:
        """Read a node's fields."""
        person = call.args["id"] == "me" and token_of(call).startswith(PERSON)
        name = self._state.owner(call, person=True) if person else self._state.caller(call)
        node = {"id": number_of(f"person/{name}"), "name": name} if person else self._node(call, name)
        return json_answer(pick(node, call.params().get("fields", ["id"])[0]))

    def _node(self, call: Call, page: str) -> Entity:
        wanted, state = call.args["id"], self._state
        if wanted in ("me", number_of(page)):
            return page_node(state, page, call.base)
        if wanted == "app":
            return {"id": APP, "name": "Carillon"}
        if (photo := state.photos.get(wanted)) and photo.page == page:
            return photo_node(photo)
        if (video := state.videos.get(wanted)) and video.page == page:
            return video_node(state, video)
        return story_node(state, state.story(page, wanted))

    async def edit(self, call: Call) -> Answer:
        """Change the text of a post."""
        params = await read_params(call)
        story = self._state.story(self._state.caller(call), call.args["id"])
        message = text(params, "message")
        if not message.strip():
            raise bad_parameter("Missing message")
        check_text(message)
        story.post.text = message
        story.post.edits += 1
        return json_answer({"success": True})

    async def delete(self, call: Call) -> Answer:
        """Delete a post; a second time there is no such object."""
        story = self._state.story(self._state.caller(call), call.args["id"])
        del self._state.stories[story.id]
        story.post.removed = self._state.world.now()
        return json_answer({"success": True})

    async def insights(self, call: Call) -> Answer:
        """Return a post's figures by name; one unknown name fails them all."""
        story = self._state.story(self._state.caller(call), call.args["id"])
        felt = self._state.world.audience.reactions(story.id, self._state.world.now() - story.post.time)
        known = {
            "post_media_view": felt.likes * 30,
            "post_total_media_view_unique": felt.likes * 20,
            "post_clicks": felt.likes // 2,
            "post_reactions_by_type_total": {"like": felt.likes},
        }
        names = call.params().get("metric", [""])[0].split(",")
        if unknown := [name for name in names if name not in known]:
            raise bad_parameter(f"The value must be a valid insights metric: {unknown[0]}")
        told = [
            {
                "name": name,
                "period": "lifetime",
                "values": [{"value": known[name]}],
                "id": f"{story.id}/insights/{name}",
            }
            for name in names
        ]
        return json_answer({"data": told})

    async def batch(self, call: Call) -> Answer:
        """Read many nodes in one call, each with a status and a body of its own."""
        params = await read_params(call)
        self._state.owner(call)
        try:
            asked = json.loads(text(params, "batch"))
            addresses = [str(one["relative_url"]) for one in asked if one["method"] == "GET"]
        except (ValueError, TypeError, KeyError) as error:
            raise bad_parameter("Invalid batch") from error
        if len(addresses) != len(asked) or len(asked) > MOST_READS:
            raise bad_parameter(f"Too many requests in batch message. Maximum batch size is {MOST_READS}")
        return json_answer([await self._read(call, address) for address in addresses])

    async def _read(self, call: Call, address: str) -> dict[str, Any]:
        split = urlsplit(f"//graph/{address}")
        node, _, edge = split.path.strip("/").partition("/")
        args = {**call.args, "id": node}
        inner = replace(call, method="GET", path=split.path, query=split.query.encode(), body=b"", args=args)
        try:
            answer = await (self.insights if edge == "insights" else self.get)(inner)
        except RefusedError as refused:
            answer = refused.answer
        return {"code": answer.status, "body": answer.body.decode()}
