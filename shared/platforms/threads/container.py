"""Containers: what Threads is to publish, made and waited for; nobody sees them.

What is kept of a post on its way, its state: `items` (containers of a carousel's media), `container`, `sent` (when it
was about to be published, seconds since 1970), and counts of what was tried.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from shared.adapter.contract import Account, Http, Media
from shared.adapter.errors import Rejected, TryLater, Uncertain
from shared.platforms.threads.body import Said, container_of, item_of
from shared.platforms.threads.connect import call, id_in, look_at, me

State = Mapping[str, Any]
Keep = Callable[[State], Awaitable[None]]

FIRST_WAIT, WAIT = 30.0, 60.0
"""Seconds until a container is asked for again (posts; troubleshooting: once a minute)."""
MOST_FAILURES = 2
"""How often a medium may fail to be fetched or processed without a reason that lies in it."""
_PASSING = ("FAILED_DOWNLOADING_VIDEO", "UNKNOWN")


@dataclass(frozen=True, slots=True)
class Desk:
    """Who speaks, through which door, and which posts are known to be others."""

    account: Account
    http: Http
    known: frozenset[str]


@dataclass(frozen=True, slots=True)
class Waiting:
    """The platform is at it: ask again with this state in so many seconds."""

    state: State
    after: float


async def made(said: Said, state: State, desk: Desk, media: Media, keep: Keep) -> State | Waiting:
    """Return the state with a container that is finished; nothing of this is seen by anybody."""
    if "container" not in state:
        gathered = await _gathered(said, state, desk, media, keep) if said.form == "CAROUSEL" else state
        if isinstance(gathered, Waiting):
            return gathered
        form = container_of(said, media, gathered.get("items", ()))
        state = {**gathered, "container": await _create(form, desk)}
        await keep(state)
    without = {key: value for key, value in state.items() if key not in {"container", "items", "asked"}}
    return await _ready(state["container"], state, without, desk) or state


async def _gathered(said: Said, state: State, desk: Desk, media: Media, keep: Keep) -> State | Waiting:
    """Return the state with a finished container for each medium of a carousel.

    All of them are asked for each time: a day after it was made, a finished one is good no longer.
    """
    items: list[str] = list(state.get("items", ()))
    waiting: Waiting | None = None
    for place, rendition in enumerate(said.media):
        if place >= len(items):
            items = [*items, await _create(item_of(rendition, media), desk)]
            await keep({**state, "items": items})
        without = {**state, "items": items[:place]}
        unready = await _ready(items[place], {**state, "items": items}, without, desk)
        if unready and len(unready.state["items"]) == place:
            return unready  # this one and those after it are made anew
        waiting = unready or waiting
    return Waiting({**waiting.state, "items": items}, waiting.after) if waiting else {**state, "items": items}


async def _create(form: Mapping[str, str], desk: Desk) -> str:
    path = f"{me(desk.account)}/threads"
    told = await call(desk.account, desk.http, "POST", path, operation="container", data=form)
    return id_in(told, TryLater)


async def _ready(container: str, state: State, without: State, desk: Desk) -> Waiting | None:
    """Return None for a container that is finished, else what to wait for; `without` is the state with none."""
    told = await status_of(container, desk)
    match told.get("status"):
        case "FINISHED":
            return None
        case "PUBLISHED":
            raise Uncertain("threads: a container that was never sent says that it is published; a person must look")
        case "IN_PROGRESS":
            after = WAIT if state.get("asked") else FIRST_WAIT
            return Waiting({**state, "asked": True}, after)
        case "EXPIRED":
            return Waiting(without, 0)  # a day has passed: there is no harm in making another one at once
    failures = int(state.get("failures", 0)) + 1
    reason = str(told.get("error_message") or "")
    if told.get("status") == "ERROR" and (failures > MOST_FAILURES or reason not in _PASSING):
        raise Rejected(f"threads: a medium could not be processed ({reason}); give another form of it")
    if failures > MOST_FAILURES:
        raise TryLater("threads: containers vanish before they can be published")
    return Waiting({**without, "failures": failures}, FIRST_WAIT)


async def status_of(container: str, desk: Desk) -> Mapping[str, Any]:
    """Return what a container says of itself; nothing where it is not there."""
    params = {"fields": "status,error_message"}
    told = await look_at(desk.account, desk.http, "GET", f"/{container}", operation="status", params=params)
    return dict(told or {})
