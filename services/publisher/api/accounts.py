"""`/v1/accounts`: which channels let us in and for how long, how they are connected, and how they are given back."""

import re
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Body, Depends, Header, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from services.publisher.connect import Connecting, unknown
from services.publisher.give_back import GiveBack
from services.publisher.tables import Account, AccountState
from shared.channels import Channel, RegistryFile
from shared.database import Sessions
from shared.http.auth import Caller, require
from shared.http.problems import Problem, documented

NAME = "Idempotency-Key"
FORM = re.compile(r"^[\x21-\x7e]{1,255}$")
DAY = 86_400
QUIET = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
"""An answer at an address that held a code: neither is to be kept or told on."""

Reader = Annotated[Caller, Depends(require("posts:read"))]
Operator = Annotated[Caller, Depends(require("ops:write"))]
Brand = Annotated[str, Path(pattern=r"^[a-z0-9-]{1,40}$", description="The first half of a channel: `wikipedia`.")]
Platform = Annotated[str, Path(pattern=r"^[a-z0-9-]{1,40}$", description="The second half: `x`.")]
Key = Annotated[
    str | None,
    Header(
        alias=NAME,
        description="Chosen by the caller, new for each new call (mandatory): a random UUID. Sent again, as long as "
        "the owner is awaited, it is given the first answer again.",
    ),
]
State = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9_-]+$")]
Code = Annotated[str, Field(min_length=1, max_length=4_000)]


class Connect(BaseModel):
    """Which account is meant."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    account_id: str = Field(default="", max_length=100, pattern=r"^[A-Za-z0-9_:.-]*$")
    """The platform's own id of the account: a LinkedIn page's number; a Facebook Page's, where there are several."""


class Address(BaseModel):
    """Where the account's owner is to go."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    address: str
    """Opened in the owner's browser, where they are signed in as the channel."""
    until: datetime
    state: str
    """What the owner brings back; only who cannot be sent back needs it (Bluesky)."""


class Returned(BaseModel):
    """What a platform gave its owner who cannot be sent back here."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    state: State
    """As `connect` answered it."""
    code: Code
    """On Bluesky `handle:app-password`."""


class AccountView(BaseModel):
    """How a channel's account stands; never a secret."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    channel: str
    handle: str
    state: AccountState | Literal["unconnected"]
    """`unconnected`: nobody has connected it here; what ACCOUNTS_FILE says of it is used."""
    days_left: float | None = None
    """Until its owner must let us in again at the latest; null where no end is known."""
    expires_at: datetime | None = None
    """When the access token is over; it is renewed before."""
    connected_at: datetime | None = None
    refreshed_at: datetime | None = None
    scopes: list[str] = []
    reason: str | None = None


class AccountList(BaseModel):
    """Every channel of the registry, in its order."""

    accounts: list[AccountView]


class GivenBack(BaseModel):
    """What is left to do."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    account: AccountView
    by_hand: str | None
    """What only a person can do, where the platform has no call for it."""


def routes(connecting: Connecting, giving: GiveBack, registry: RegistryFile, sessions: Sessions) -> APIRouter:
    """Return the routes about accounts."""
    router = APIRouter(prefix="/v1/accounts")

    async def seen(name: str) -> AccountView:
        if (channel := registry.current().channels.get(name)) is None:
            raise unknown(name)
        async with sessions() as db:
            return _view(channel, await db.get(Account, name))

    @router.get("")
    async def list_accounts(caller: Reader) -> AccountList:
        """Return every channel's account: whether it lets us in, and for how long."""
        async with sessions() as db:
            return AccountList(
                accounts=[_view(one, await db.get(Account, one.id)) for one in registry.current().channels.values()]
            )

    @router.get("/callback", responses=documented(409, 410))
    async def account_returned(
        response: Response,
        state: Annotated[State, Query()],
        code: Annotated[Code | None, Query()] = None,
        error: Annotated[str | None, Query(max_length=200)] = None,
    ) -> AccountView:
        """Take the owner back whom a platform sends here; what the address holds is all they need, and good once."""
        response.headers.update(QUIET)
        if not code:
            raise _not_allowed(error)
        return await seen(await connecting.finish(state, code))

    @router.post("/callback", responses=documented(409, 410))
    async def account_returned_by_hand(returned: Returned, caller: Operator, response: Response) -> AccountView:
        """Finish for an owner whom their platform cannot send back."""
        response.headers.update(QUIET)
        return await seen(await connecting.finish(returned.state, returned.code))

    @router.post("/{brand}/{platform}/connect", responses=documented(404, 409))
    async def connect_account(
        brand: Brand,
        platform: Platform,
        caller: Operator,
        response: Response,
        key: Key = None,
        wanted: Annotated[Connect, Body()] = Connect(),  # noqa: B008 - FastAPI reads it off the signature
    ) -> Address:
        """Return the address at which the account's owner lets us in; they are awaited back for ten minutes."""
        begun = await connecting.begin(f"{brand}/{platform}", wanted.account_id, caller.tool, _checked(key))
        response.headers.update(QUIET | ({"Idempotent-Replayed": "true"} if begun.replayed else {}))
        return Address(address=begun.address, until=begun.ends_at, state=begun.state)

    @router.post("/{brand}/{platform}/revoke", responses=documented(404, 409))
    async def revoke_account(brand: Brand, platform: Platform, caller: Operator) -> GivenBack:
        """Give an account back: the platform is told, and what was kept is erased. Once more is fine."""
        by_hand = await giving.give_back(f"{brand}/{platform}")
        return GivenBack(account=await seen(f"{brand}/{platform}"), by_hand=by_hand)

    return router


def _view(channel: Channel, row: Account | None) -> AccountView:
    if row is None:
        return AccountView(channel=channel.id, handle=channel.handle, state="unconnected")
    end = row.expires_at if row.state == AccountState.RECONNECT else row.ends_at
    left = (end - datetime.now(UTC)).total_seconds() / DAY if end else None
    return AccountView(
        channel=channel.id,
        handle=channel.handle,
        state=AccountState(row.state),
        days_left=left if left is None else round(max(left, 0.0), 2),
        expires_at=row.expires_at,
        connected_at=row.connected_at,
        refreshed_at=row.refreshed_at,
        scopes=row.scopes,
        reason=row.reason,
    )


def _checked(key: str | None) -> str:
    if key is not None and FORM.match(key):
        return key
    missing = key is None
    detail = "It is missing." if missing else "It is no key."
    remedy = "Send a new random UUID." if missing else "Give 1 to 255 visible ASCII characters."
    raise Problem(
        400,
        "idempotency-key-missing" if missing else "idempotency-key-malformed",
        f"{NAME}: {detail}",
        remedy=remedy,
        errors=[{"pointer": f"header/{NAME}", "detail": detail, "remedy": remedy}],
    )


def _not_allowed(error: str | None) -> Problem:
    said = f" It says: {error[:60]}." if error and re.fullmatch(r"[a-z_]{1,60}", error) else ""
    return Problem(
        409, "not-let-in", f"The platform sent nobody's consent.{said} Nothing was kept.", remedy="Begin again."
    )
