"""What a reading call asks for: fields and expansions, spelled in the new way (`post.fields`) or the old one."""

from dataclasses import dataclass
from datetime import datetime

from deploy.sandbox.platforms.x.errors import invalid
from deploy.sandbox.wire import Call

_ALIKE = {"attachments", "conversation_id", "created_at", "entities", "id", "lang", "non_public_metrics"} | {
    "organic_metrics",
    "public_metrics",
    "reply_settings",
    "text",
}
_EXPANDED = {"attachments.media_keys", "attachments.poll_ids", "author_id", "in_reply_to_user_id"}
_NEW = {"post.fields": _ALIKE | {"note_post"}, "expansions": _EXPANDED | {"referenced_posts"}}
_OLD = {
    "tweet.fields": _ALIKE | {"author_id", "note_tweet", "referenced_tweets"},
    "expansions": _EXPANDED | {"referenced_tweets.id"},
}
_BOTH = {
    "user.fields": {"created_at", "description", "id", "name", "public_metrics", "username", "verified"},
    "media.fields": {"alt_text", "duration_ms", "height", "media_key", "type", "url", "width"},
    "poll.fields": {"duration_minutes", "end_datetime", "id", "options", "voting_status"},
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What to tell of each post, and how to spell it."""

    new: bool
    fields: frozenset[str]
    expansions: frozenset[str]
    others: dict[str, str]
    """Every other parameter."""

    @property
    def references(self) -> str:
        """How the field is called that says which posts a post is about."""
        return "referenced_posts" if self.new else "referenced_tweets"


def asked_of(call: Call, *others: str) -> Asked:
    """Read a call's parameters; raises a problem for one that is not among the known, or has an unknown value."""
    params = {name: values[-1] for name, values in call.params().items()}
    new = "tweet.fields" not in params
    known = {**(_NEW if new else _OLD), **_BOTH}
    for name, value in params.items():
        if name not in known and name not in others:
            raise invalid(f"The query parameter [{name}] is not one of [{','.join((*sorted(known), *others))}]")
        if name in known and (unknown := sorted(set(value.split(",")) - known[name])):
            raise invalid(f"The `{name}` query parameter value [{unknown[0]}] is not one of the known ones")
    fields = params.get("post.fields" if new else "tweet.fields", "")
    rest = {name: value for name, value in params.items() if name in others}
    return Asked(new, frozenset(fields.split(",")), frozenset(params.get("expansions", "").split(",")), rest)


def number(asked: Asked, name: str, default: int, least: int, most: int) -> int:
    """Return a numeric parameter; raises a problem for one out of its bounds."""
    value = asked.others.get(name, str(default))
    if not (value.isascii() and value.isdecimal() and least <= int(value[:9]) <= most):
        raise invalid(f"The `{name}` query parameter value [{value}] is not between {least} and {most}")
    return int(value)


def start_of(asked: Asked, now: float) -> float:
    """Return `start_time` in epoch seconds, 0 where it is missing; raises a problem for one that has not come."""
    value = asked.others.get("start_time", "")
    if not value:
        return 0.0
    try:
        start = datetime.strptime(value, "%Y-%m-%dT%H:%M:%S%z").timestamp()
    except ValueError as error:
        raise invalid(f"The `start_time` query parameter value [{value}] is not a valid RFC3339 date") from error
    if start > now:
        raise invalid(f"Invalid 'start_time':'{value}'. 'start_time' must be on or before the current time")
    return start
