"""The call that publishes a container, and how often it may be made."""

from deploy.sandbox.ledger import Post
from deploy.sandbox.params import read_params, text
from deploy.sandbox.platforms.instagram.containers import not_ready
from deploy.sandbox.platforms.instagram.errors import refused
from deploy.sandbox.platforms.instagram.state import DAY, NAME, Container, Medium, State
from deploy.sandbox.quotas import ExhaustedError
from deploy.sandbox.wire import Answer, Call, json_answer


class Publishing:
    """The handlers about making containers public."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def publish(self, call: Call) -> Answer:
        """Publish a container.

        What the real one does with a container that is public already is not documented: this one publishes it again,
        so that nobody relies on anything else.
        """
        params = await read_params(call)
        account = self._state.user(call, params)
        wanted = text(params, "creation_id")
        container = self._state.containers.get(wanted)
        if container is None or container.account != account or container.child:
            raise refused(
                24, "The requested resource does not exist", 2207008, words=f"There is no container {wanted}."
            )
        status = container.status(self._state.world.now())
        if status == "EXPIRED":
            raise refused(-2, "The media was not published within 24 hours.", 2207020)
        if status not in ("FINISHED", "PUBLISHED"):
            raise not_ready()
        try:
            self._state.world.quotas.take(NAME, "posts_24h", account)
        except ExhaustedError as error:
            message = "Application request limit reached"
            words = "You reached maximum number of posts that is allowed to be published by Content Publishing API."
            raise refused(9, message, 2207042, words=words) from error
        return json_answer({"id": self._public(call, container).id})

    def _public(self, call: Call, container: Container) -> Medium:
        now, medium_id = self._state.world.now(), self._state.new_id(180)
        post = Post(NAME, container.account, medium_id, container.caption, now, media=container.media)
        post.details = {"product": container.product, "form": container.form, "container": container.id}
        medium = Medium(medium_id, container.account, container.product, container.form, now, post)
        post.url = permalink(call, medium)
        container.published = True
        self._state.media[medium_id] = medium
        self._state.world.ledger.add(post)
        call.published += 1
        return medium

    async def limit(self, call: Call) -> Answer:
        """Return how many posts the account published within a day, and how many it may."""
        params = await read_params(call)
        account = self._state.user(call, params)
        since = self._state.world.now() - DAY
        used = sum(one.account == account and one.time > since for one in self._state.media.values())
        total = self._state.world.quotas.told(NAME)["posts_24h"].limit
        told = {
            "quota_usage": used,
            "config": {"quota_total": total, "quota_duration": DAY},
        }
        asked = [name for name in text(params, "fields").split(",") if name in told] or ["quota_usage"]
        return json_answer({"data": [{name: told[name] for name in asked}]})


def permalink(call: Call, medium: Medium) -> str:
    """Return where a medium is shown."""
    kind = {"REELS": "reel", "STORY": f"stories/{medium.account}"}.get(medium.product, "p")
    return f"{call.base}/{kind}/{medium.shortcode}/"
