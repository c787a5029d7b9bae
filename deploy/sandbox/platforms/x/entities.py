"""Posts, users, media and polls as X tells them; a text is kept with short links in the place of its addresses."""

import hashlib
import html
from datetime import UTC, datetime
from typing import Any

from deploy.sandbox.people import number_of
from deploy.sandbox.platforms.x.counting import links
from deploy.sandbox.platforms.x.reading import Asked
from deploy.sandbox.platforms.x.state import NAME, State, Told

PRIVATE_SECONDS = 30 * 86_400.0


def iso(time: float) -> str:
    """Return a time in UTC with milliseconds."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def post_entity(state: State, told: Told, asked: Asked, viewer: str) -> dict[str, Any]:
    """Return a post with the fields that were asked for; private figures for the author only."""
    text, urls = kept(told)
    history = "edit_history_post_ids" if asked.new else "edit_history_tweet_ids"
    shown: dict[str, Any] = {"id": told.id, "text": text, history: [*told.versions, told.id]}
    possible: dict[str, Any] = {
        "created_at": iso(told.time),
        "conversation_id": told.conversation,
        "lang": "und",
        "reply_settings": "everyone",
        "entities": {"urls": urls} if urls else None,
        "attachments": attachments(told),
        **_figures(state, told, asked, viewer == told.account),
    }
    shown |= {name: value for name, value in possible.items() if name in asked.fields and value}
    if {"author_id"} & (asked.fields | asked.expansions):
        shown["author_id"] = number_of(told.account)
    if about := references(told):
        shown |= {asked.references: about} if _references_asked(asked) else {}
    return shown


def attachments(told: Told) -> dict[str, Any]:
    """Return the ids of a post's media and poll."""
    keys = {"media_keys": [one.key for one in told.media]} if told.media else {}
    return {**keys, **({"poll_ids": [told.poll["id"]]} if told.poll else {})}


def references(told: Told) -> list[dict[str, str]]:
    """Return which posts a post is about."""
    pairs = (("replied_to", told.reply_to), ("quoted", told.quotes), ("retweeted", told.reposts))
    return [{"type": form, "id": other} for form, other in pairs if other]


def included(state: State, posts: list[Told], asked: Asked) -> dict[str, Any]:
    """Return what stands beside the posts: polls, media, authors."""
    found: dict[str, list[Any]] = {}
    if "attachments.poll_ids" in asked.expansions:
        found["polls"] = [one.poll for one in posts if one.poll]
    if "attachments.media_keys" in asked.expansions:
        found["media"] = [
            {"media_key": medium.key, "type": "video" if medium.film else "photo"}
            for one in posts
            for medium in one.media
        ]
    if "author_id" in asked.expansions:
        found["users"] = [user_entity(state, name, figures=False) for name in {one.account for one in posts}]
    return {name: some for name, some in found.items() if some}


def user_entity(state: State, account: str, *, figures: bool) -> dict[str, Any]:
    """Return a user."""
    user: dict[str, Any] = {"id": number_of(account), "name": account, "username": account}
    if figures:
        count = state.world.audience.followers(NAME, account)
        posts = len(state.by_account.get(account, {}))
        user["public_metrics"] = {
            "followers_count": count,
            "following_count": 0,
            "post_count": posts,
            "tweet_count": posts,
            "listed_count": 0,
        }
    return user


def kept(told: Told) -> tuple[str, list[dict[str, Any]]]:
    """Return a text as X keeps it, and what its short links stand for; media and a quote have one at the end."""
    text, urls, shift = told.text, [], 0
    for start, end, address in links(told.text):
        short = _short(told.id, address)
        target = address if "://" in address else f"http://{address}"
        text = text[: start + shift] + short + text[end + shift :]
        shift += len(short) - (end - start)
        urls.append({"url": short, "expanded_url": target, "display_url": address.partition("://")[2] or address})
    for number, medium in enumerate(told.media, 1):
        short = _short(told.id, "media")
        text = text if number > 1 else f"{text} {short}".strip()
        target = f"https://x.com/{told.account}/status/{told.id}/{'video' if medium.film else 'photo'}/1"
        urls.append({"url": short, "expanded_url": target, "media_key": medium.key})
    if told.quotes:
        short = _short(told.id, "quote")
        text = f"{text} {short}".strip()
        urls.append({"url": short, "expanded_url": f"https://twitter.com/i/status/{told.quotes}"})
    text = html.escape(text, quote=False)
    return text, [{"start": text.find(one["url"]), "end": text.find(one["url"]) + 23, **one} for one in urls]


def _short(post_id: str, target: str) -> str:
    return f"https://t.co/{hashlib.sha256(f'{post_id}/{target}'.encode()).hexdigest()[:10]}"


def _references_asked(asked: Asked) -> bool:
    if asked.new:
        return "referenced_posts" in asked.expansions
    return "referenced_tweets.id" in asked.expansions or "referenced_tweets" in asked.fields


def _figures(state: State, told: Told, asked: Asked, own: bool) -> dict[str, Any]:
    age = state.world.now() - told.time
    felt = state.world.audience.reactions(told.id, age)
    seen = 20 * (felt.likes + felt.reposts) + 5
    shares = "repost_count" if asked.new else "retweet_count"
    public = {
        shares: felt.reposts,
        "reply_count": felt.replies,
        "like_count": felt.likes,
        "quote_count": felt.quotes,
        "bookmark_count": felt.bookmarks,
        "impression_count": seen,
    }
    if not own or age > PRIVATE_SECONDS:
        return {"public_metrics": public}
    clicks = {"url_link_clicks": felt.likes // 2, "user_profile_clicks": felt.likes // 4}
    unpaid = {shares: felt.reposts, "reply_count": felt.replies, "like_count": felt.likes, "impression_count": seen}
    return {
        "public_metrics": public,
        "non_public_metrics": {"impression_count": seen, "engagements": felt.likes + felt.reposts, **clicks},
        "organic_metrics": {**unpaid, **clicks},
    }
