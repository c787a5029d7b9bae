"""One post brought before its readers: its container is published, and looked at, should the answer be lost."""

from datetime import UTC, datetime

from shared.adapter.answers import codes_of, failure_of
from shared.adapter.contract import Media
from shared.adapter.errors import PlatformError, TryLater, Uncertain
from shared.platforms.threads.body import Said
from shared.platforms.threads.connect import call, id_in, me
from shared.platforms.threads.container import MOST_FAILURES, Desk, Keep, State, Waiting, made, status_of
from shared.platforms.threads.listed import ours
from shared.platforms.threads.spec import SPEC

LOOK = 60.0
LOOKS = 5
"""How long, and how often, a container is looked at before it counts as not published (troubleshooting: 5 minutes)."""
EARLY = 10.0
MOST_EARLY = 5
"""How often a finished container may not be there yet, before another one is made."""


async def bring(said: Said, state: State, desk: Desk, media: Media, keep: Keep) -> str | Waiting:
    """Take one post as far as it goes now, and return its id once it is public; raises PlatformError."""
    if "sent" in state and (seen := await look(said, state, desk)) is not None:
        return seen
    if "sent" not in state:
        finished = await made(said, state, desk, media, keep)
        if isinstance(finished, Waiting):
            return finished
        state = finished
    return await _published(state, desk, keep)


# ---- publishing ------------------------------------------------------------------------------------------------------


async def _published(state: State, desk: Desk, keep: Keep) -> str | Waiting:
    """Publish a finished container; that it is about to be is kept first, and taken back where it was refused."""
    unsent = {key: value for key, value in state.items() if key not in {"sent", "looks"}}
    again = {"again": True} if "sent" in state else {}
    await keep({**unsent, **again, "sent": datetime.now(UTC).timestamp(), "looks": 0})
    path = f"{me(desk.account)}/threads_publish"
    form = {"creation_id": state["container"]}
    expected = (200, 400)
    try:
        answer = await call(
            desk.account, desk.http, "POST", path, operation="publish", mutates=True, data=form, expected=expected
        )
        if answer.status == 200:
            return id_in(answer, Uncertain)
        if "24/4279009" in codes_of(answer.json, SPEC.codes):
            return _too_early({**unsent, **again})
        raise failure_of(SPEC, "publish", answer.status, answer.json, answer.headers, True)
    except Uncertain:
        raise
    except PlatformError:
        await keep({**unsent, **again})
        raise


def _too_early(state: State) -> Waiting:
    """Return what follows when a container is not there yet: it is tried again, later another one is made.

    Not one that may have been published by a call before: then a person is asked.
    """
    early = int(state.get("early", 0)) + 1
    if early <= MOST_EARLY:
        return Waiting({**state, "early": early}, EARLY)
    if state.get("again"):
        raise Uncertain("threads: the container is gone, and may have been published; a person must look")
    failures = int(state.get("failures", 0)) + 1
    if failures > MOST_FAILURES:
        raise TryLater("threads: containers vanish before they can be published")
    return Waiting({"failures": failures}, EARLY)


# ---- looking ---------------------------------------------------------------------------------------------------------


async def look(said: Said, state: State, desk: Desk) -> str | Waiting | None:
    """Return what became of a container that was sent: an id, a wait, or None if it may be sent again.

    PUBLISHED proves that it is public; its id is then looked up in the account's list. FINISHED proves nothing at
    first, for publishing may take minutes. Raises Uncertain where only a person can tell.
    """
    status, looks = (await status_of(state["container"], desk)).get("status"), int(state.get("looks", 0))
    alive = status in {"FINISHED", "IN_PROGRESS"}
    if not alive:  # else a post that reads the same would be another one
        found = await ours(said, float(state["sent"]), desk.known, desk.account, desk.http)
        if found:
            return found
    if looks < LOOKS:
        return Waiting({**state, "looks": looks + 1}, LOOK)
    if alive:
        return None
    raise Uncertain(f"threads: the container is {status or 'gone'}, but the post is not listed; a person must look")
