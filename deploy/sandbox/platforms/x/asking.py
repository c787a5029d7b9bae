"""The body of `POST /2/tweets`, read as strictly as X's published description of it."""

from dataclasses import dataclass
from typing import Any

from deploy.sandbox.platforms.x.errors import invalid

_SETTINGS = frozenset({"following", "mentionedUsers", "subscribers", "verified"})
_SHAPES: dict[str, tuple[str, ...]] = {
    "media": ("media_ids", "tagged_user_ids"),
    "poll": ("options", "duration_minutes", "reply_settings"),
    "reply": ("in_reply_to_tweet_id", "exclude_reply_user_ids", "auto_populate_reply_metadata"),
    "edit_options": ("previous_post_id",),
}
_PLAIN = frozenset({"text", "quote_tweet_id", "reply_settings", "made_with_ai", "paid_partnership"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """A post that is asked for."""

    text: str
    media: tuple[str, ...]
    poll: dict[str, Any] | None
    reply_to: str | None
    quotes: str | None
    edits: str | None


def wanted_of(body: Any) -> Wanted:
    """Return what a body asks for; raises a problem where it says anything that is not described."""
    if not isinstance(body, dict):
        raise invalid("The body must be a JSON object.")
    for name, value in body.items():
        _check(name, value)
    text = body.get("text", "")
    media = tuple(body.get("media", {}).get("media_ids", ()))
    poll, quotes = body.get("poll"), body.get("quote_tweet_id")
    if not isinstance(text, str):
        raise invalid("$.text: must be text")
    if not text.strip() and not media:
        raise invalid("$.text: at least one of text and media must be given")
    if sum(map(bool, (media, poll, quotes))) > 1:
        raise invalid("media, poll and quote_tweet_id are mutually exclusive")
    return Wanted(
        text,
        tuple(_id(one) for one in media) if _counted(media, "media", 1, 4) else (),
        _poll(poll) if poll is not None else None,
        _id(body["reply"].get("in_reply_to_tweet_id")) if "reply" in body else None,
        _id(quotes) if quotes is not None else None,
        _id(body["edit_options"].get("previous_post_id")) if "edit_options" in body else None,
    )


def _check(name: str, value: Any) -> None:
    if name in _SHAPES:
        if not isinstance(value, dict) or set(value) - set(_SHAPES[name]):
            raise invalid(f"$.{name}: may have {', '.join(_SHAPES[name])}")
    elif name not in _PLAIN:
        raise invalid(f"$.{name}: is not defined in the schema and the schema does not allow additional properties")
    elif name == "reply_settings" and value not in _SETTINGS:
        raise invalid("$.reply_settings: does not have a value in the enumeration")


def _counted(some: tuple[Any, ...], name: str, least: int, most: int) -> bool:
    if some and not least <= len(some) <= most:
        raise invalid(f"$.{name}: must have {least} to {most} items")
    return bool(some)


def _id(value: Any) -> str:
    if not isinstance(value, str) or not (value.isascii() and value.isdecimal() and len(value) < 20):
        raise invalid("an id must be 1 to 19 digits, as text")
    return value


def _poll(asked: dict[str, Any]) -> dict[str, Any]:
    options, minutes = asked.get("options"), asked.get("duration_minutes")
    if not isinstance(options, list) or not 2 <= len(options) <= 4:
        raise invalid("$.poll.options: must have 2 to 4 items")
    if any(not isinstance(option, str) or not 1 <= len(option) <= 25 for option in options):
        raise invalid("$.poll.options: each may have 1 to 25 characters")
    if not isinstance(minutes, int) or isinstance(minutes, bool) or not 5 <= minutes <= 10_080:
        raise invalid("$.poll.duration_minutes: must be 5 to 10080")
    return {"options": options, "duration_minutes": minutes}
