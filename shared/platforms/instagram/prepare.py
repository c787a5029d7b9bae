"""Preparing a post: its containers, each written down when it is made, until the one to publish is ready."""

from collections.abc import Sequence
from typing import Any

from shared.adapter.contract import Account, Http, Media, Pending, Progress
from shared.adapter.errors import Rejected, Uncertain
from shared.payload import Payload
from shared.platforms.instagram.container import (
    Code,
    Status,
    carousel_of,
    child_of,
    create,
    single_of,
    status_of,
)

LOOKS = (5.0, 15.0, 40.0, 60.0)
"""Seconds until a container is looked at again, the last for good: ig-container says once a minute."""
MOST_LOOKS = 60
"""Ours: after about an hour without an end, another container is made."""
MADE_AT_ONCE = 5
"""Ours: so many containers are asked for in one go; each fetches its medium first."""
MOST_FAILURES = 3
"""Ours: so many containers may fail without a reason that lies in the post."""
AFTER_FAILURE = 30.0


async def prepared(
    payload: Payload, state: dict[str, Any], account: Account, http: Http, media: Media, progress: Progress
) -> dict[str, Any] | Pending:
    """Return the state with a `container` that is FINISHED, or what to go on with; raises PlatformError."""
    if "container" not in state:
        made = await _make(payload, state, account, http, media, progress)
        if isinstance(made, Pending):
            return made
        state = made
    status = await status_of(state["container"], account, http)
    match status.code:
        case Code.FINISHED:
            return {name: value for name, value in state.items() if name not in {"looks", "sent"}}
        case Code.IN_PROGRESS:
            return _later(state, [state["container"]])
        case Code.PUBLISHED:
            raise Uncertain("instagram: the container is public already; a look must say which medium it is")
        case _:
            return _without(state, [state["container"]], status)


async def _make(
    payload: Payload, state: dict[str, Any], account: Account, http: Http, media: Media, progress: Progress
) -> dict[str, Any] | Pending:
    renditions = payload.pieces[0].media
    if len(renditions) == 1:
        form = single_of(payload, media)
    else:
        children: list[str] = list(state.get("children", []))
        for number, rendition in enumerate(renditions[len(children) :]):
            if number == MADE_AT_ONCE:
                return Pending({**state, "children": children}, 0)
            children = [*children, await create(child_of(rendition, media), account, http)]
            await progress({**state, "children": children})
        state = {**state, "children": children}
        if waiting := await _waiting(state, account, http):
            return waiting
        form = carousel_of(payload, children)
    state = {name: value for name, value in state.items() if name != "looks"}
    state["container"] = await create(form, account, http)
    await progress(state)
    return state


async def _waiting(state: dict[str, Any], account: Account, http: Http) -> Pending | None:
    """Return what to go on with while a carousel's media are not all ready."""
    busy = []
    for child in state["children"]:
        status = await status_of(child, account, http)
        if status.code is Code.IN_PROGRESS:
            busy.append(child)
        elif status.code not in {Code.FINISHED, Code.PUBLISHED}:
            return _without(state, [child], status)
    return _later(state, busy) if busy else None


def _later(state: dict[str, Any], busy: Sequence[str]) -> Pending:
    looks = state.get("looks", 0)
    if looks >= MOST_LOOKS:
        return _without(state, busy, Status(Code.IN_PROGRESS, "it came to no end"))
    return Pending({**state, "looks": looks + 1}, LOOKS[min(looks, len(LOOKS) - 1)])


def _without(state: dict[str, Any], lost: Sequence[str], status: Status) -> Pending:
    """Return the state without what failed, to make it anew; raises Rejected where that would not help.

    Whatever was made after a lost child goes too: the order of a carousel is that of its children.
    """
    if "sent" in state and status.code not in {Code.ERROR, Code.EXPIRED}:
        raise Uncertain(f"instagram: the container to be published is {status.code}; a look must say what became of it")
    failures = state.get("failures", 0) + 1
    if status.final or failures >= MOST_FAILURES:
        raise Rejected(f"instagram: a container is {status.code}: {status.words[:200]}; give another form of the media")
    kept = {name: value for name, value in state.items() if name not in {"container", "looks", "children", "sent"}}
    children: list[str] = state.get("children", [])
    if children and state.get("container") not in lost:
        kept["children"] = children[: min(children.index(child) for child in lost)]
    return Pending({**kept, "failures": failures}, AFTER_FAILURE)
