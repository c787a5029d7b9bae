"""Comments below posts: the Page's own, and what others say."""

from typing import Any

from deploy.sandbox.ledger import Post
from deploy.sandbox.params import read_params, text
from deploy.sandbox.people import number_of
from deploy.sandbox.platforms.facebook.errors import bad_parameter
from deploy.sandbox.platforms.facebook.fields import Entity, Field, pick
from deploy.sandbox.platforms.facebook.state import NAME, Comment, State, Story, iso
from deploy.sandbox.wire import Answer, Call, json_answer

COMMENT_LIMIT = 8_000
DEFAULT = "id,message,from,created_time"


class Comments:
    """The handlers of `/{post}/comments`."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def post(self, call: Call) -> Answer:
        """Comment as the Page."""
        params = await read_params(call)
        page = self._state.caller(call)
        story, message = self._state.story(page, call.args["id"]), text(params, "message")
        if not message.strip():
            raise bad_parameter("Missing message or attachment")
        if len(message.encode("utf-16-le")) // 2 > COMMENT_LIMIT:
            raise bad_parameter("Invalid parameter: message is too long")
        comment_id = f"{story.number}_{self._state.new_id()}"
        url = f"{story.post.url}?comment_id={comment_id.rpartition('_')[2]}"
        post = Post(NAME, page, comment_id, message, self._state.world.now(), "comment", url, reply_to=story.id)
        self._state.comments[comment_id] = Comment(comment_id, page, story.id, post)
        self._state.world.ledger.add(post)
        call.published += 1
        return json_answer({"id": comment_id})

    async def listed(self, call: Call) -> Answer:
        """List the comments below a post."""
        page, params = self._state.caller(call), call.params()
        story = self._state.story(page, call.args["id"])
        modifiers: dict[str, str] = {
            name: params[name][0] for name in ("since", "limit", "order", "filter") if name in params
        }
        asked = Field("comments", modifiers, params.get("fields", [DEFAULT])[0])
        return json_answer(comments_below(self._state, story, asked, 0))


def comments_below(state: State, story: Story, asked: Field, felt: int) -> dict[str, Any]:
    """Return the comments below a post as an edge; `felt` are those of whom only the number is known."""
    found = [*_own(state, story), *_of_others(state, story)]
    since, limit = int(asked.modifiers.get("since", 0)), int(asked.modifiers.get("limit", 25))
    wanted = sorted((one for one in found if one[0] >= since), key=lambda one: one[0])
    if asked.modifiers.get("order") == "reverse_chronological":
        wanted.reverse()
    told: dict[str, Any] = {"data": [pick(node, asked.within or DEFAULT) for _, node in wanted[:limit]]}
    if "summary" in asked.modifiers:
        told["summary"] = {"order": "chronological", "total_count": len(found) + felt, "can_comment": True}
    return told


def _own(state: State, story: Story) -> list[tuple[float, Entity]]:
    return [
        (one.post.time, _node(one.id, one.post.text, story.page, number_of(story.page), one.post.time, one.post.url))
        for one in state.comments.values()
        if one.story == story.id
    ]


def _of_others(state: State, story: Story) -> list[tuple[float, Entity]]:
    said = [one for one in state.world.voices.to(NAME, story.page) if one.kind == "reply" and one.to == story.id]
    return [
        (one.time, _node(f"{story.number}_{one.id}", one.text, one.author, one.id, one.time, story.post.url))
        for one in said
    ]


def _node(node: str, message: str, name: str, person: str, time: float, url: str | None) -> Entity:
    author = {"id": person, "name": name}
    return {"id": node, "message": message, "from": author, "created_time": iso(time), "permalink_url": url}
