"""Making things public: threads_publish and repost; and DELETE, which takes them off again."""

from deploy.sandbox.params import read_params, text
from deploy.sandbox.platforms.threads.errors import missing, not_ready
from deploy.sandbox.platforms.threads.state import NAME, Container, State, Thread, code_of, fresh
from deploy.sandbox.wire import Answer, Call, json_answer

_KINDS = {"TEXT": "TEXT_POST", "CAROUSEL": "CAROUSEL_ALBUM"}


class Posts:
    """The handlers that change what readers see."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def publish_container(self, call: Call) -> Answer:
        """Publish a container that is finished; one that is too early is answered as if it did not exist."""
        params = await read_params(call)
        account = self._state.own_node(call, params)
        container = self._state.containers.get(text(params, "creation_id"))
        if container is None or container.account != account or container.item:
            raise not_ready()
        # A container that was published already makes a second post here: what the real one does is not documented.
        now = self._state.world.now()
        if container.status(now) not in {"FINISHED", "PUBLISHED"} or container.ready > now:
            raise not_ready()
        return self.publish(call, container)

    def publish(self, call: Call, container: Container) -> Answer:
        """Make a container's post public; by a fault, only after a while that outlasts the answer."""
        world = self._state.world
        world.quotas.take(NAME, "replies_24h" if container.reply_to else "posts_24h", container.account)
        now = world.now()
        slow = world.faults.slowness(NAME, call.method, call.path)
        parent = self._state.threads.get(container.reply_to)
        post = fresh(
            account=container.account,
            id=self._state.next_id(),
            text=container.text,
            time=now,
            reply_to=container.reply_to or None,
            root=(parent.post.root or parent.id) if parent else container.reply_to or None,
            media=container.media,
            kind="quote" if container.quote else "post",
            details={"link": container.link, "poll": list(container.poll.values()), "quotes": container.quote or None},
        )
        container.public = now + slow
        kind = _KINDS.get(container.kind, container.kind)
        thread = Thread(post.id, container.account, kind, now, now + slow, post)
        thread.children = len(container.media) if kind == "CAROUSEL_ALBUM" else 0
        thread.quote, thread.link, thread.poll = container.quote, container.link, container.poll
        return self._public(call, thread)

    async def repost(self, call: Call) -> Answer:
        """Repost a post, at once."""
        account = self._state.caller(call, await read_params(call))
        node, world = call.args["id"], self._state.world
        if node not in self._state.threads and not self._state.voice(account, node):
            raise missing(node)
        world.quotas.take(NAME, "posts_24h", account)
        now = world.now()
        post = fresh(account=account, id=self._state.next_id(), text="", time=now, kind="repost")
        post.details = {"subject": node}
        return self._public(call, Thread(post.id, account, "REPOST_FACADE", now, now, post, reposted=node))

    async def delete(self, call: Call) -> Answer:
        """Delete one's own post."""
        account = self._state.caller(call, await read_params(call))
        thread = self._state.own_thread(account, call.args["id"])
        self._state.world.quotas.take(NAME, "deletes_24h", account)
        thread.post.removed = self._state.world.now()
        self._state.remove(thread)
        return json_answer({"success": True, "deleted_id": thread.id})

    def _public(self, call: Call, thread: Thread) -> Answer:
        thread.post.url = f"{call.base}/@{thread.account}/post/{code_of(thread.id)}"
        self._state.add(thread)
        self._state.world.ledger.add(thread.post)
        call.published += 1
        return json_answer({"id": thread.id})
