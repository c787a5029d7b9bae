"""A grant's life, purely: what is kept of it, when it is renewed, when only its owner can help."""

import json
import random
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.adapter.contract import Grant
from shared.adapter.spec import Grants

CHECK = timedelta(days=1)
"""How often a token without an end is looked at."""
SHARE = (0.60, 0.70)
"""How much of its life a token has behind it when it is renewed: jittered, with a third left to try again."""
SHORTEST = 6
"""Characters that a secret has at least: shorter ones are words, and hiding those would spoil every sentence."""
_DATES = ("expires_at", "refresh_expires_at")


def about(channel: str) -> str:
    """Return what a channel's sealed grant is bound to."""
    return f"account {channel}"


def written(grant: Grant) -> bytes:
    """Return a grant as JSON, to be sealed."""
    told = asdict(grant) | {"scopes": sorted(grant.scopes)}
    told |= {name: told[name] and told[name].isoformat() for name in _DATES}
    return json.dumps(told).encode()


def read(text: bytes) -> Grant:
    """Read a grant back."""
    told: dict[str, Any] = json.loads(text)
    told |= {name: told[name] and datetime.fromisoformat(told[name]) for name in _DATES}
    return Grant(**told | {"scopes": frozenset(told["scopes"])})


def renewable(grant: Grant, model: Grants) -> bool:
    """Say whether the platform can be asked to renew it at all."""
    return bool(grant.refresh_token) or not model.refresh_token


def young(grant: Grant, model: Grants, refreshed_at: datetime) -> bool:
    """Say whether the platform would refuse to renew it for its youth; one that ends before it is old enough is not."""
    old_enough = refreshed_at + model.youngest
    return datetime.now(UTC) < old_enough and (grant.expires_at is None or old_enough < grant.expires_at)


def look_at(grant: Grant, model: Grants, now: datetime) -> datetime | None:
    """Return when to renew a grant, or to look whether it still works; None where only its end can be waited for."""
    if grant.expires_at is None:
        return now + CHECK * random.uniform(0.9, 1.1)  # noqa: S311 - not a secret
    if not renewable(grant, model):
        return None
    share = random.uniform(*SHARE)  # noqa: S311 - not a secret
    at = now + (grant.expires_at - now) * share
    old_enough = now + model.youngest * (1 + share / 10)
    return max(at, old_enough) if old_enough < grant.expires_at else at


def ends_at(grant: Grant, model: Grants, since: datetime) -> datetime | None:
    """Return when the owner must let us in again at the latest, as far as is known; `since`: when they did last."""
    by_token = model.refresh_token and grant.refresh_token
    token = grant.refresh_expires_at if by_token else grant.expires_at
    consent = since + model.consent if model.consent else None
    return min(filter(None, (token, consent)), default=None)


def hidden(text: str, secrets: Iterable[str | None]) -> str:
    """Return a text without secrets: a platform may repeat in an error what it was sent."""
    for secret in secrets:
        if secret and len(secret) >= SHORTEST:
            text = text.replace(secret, "[redacted]")
    return text
