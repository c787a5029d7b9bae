"""Posts and voices as the API tells them, by the fields that were asked for."""

from datetime import UTC, datetime
from typing import Any

from deploy.sandbox.params import Params, text
from deploy.sandbox.people import number_of
from deploy.sandbox.platforms.threads.errors import invalid
from deploy.sandbox.platforms.threads.state import State, Thread, code_of
from deploy.sandbox.voices import Voice

FIELDS = frozenset(
    {
        "id",
        "media_product_type",
        "media_type",
        "media_url",
        "permalink",
        "owner",
        "username",
        "text",
        "timestamp",
        "shortcode",
        "thumbnail_url",
        "children",
        "is_quote_post",
        "alt_text",
        "link_attachment_url",
        "has_replies",
        "reply_audience",
        "quoted_post",
        "reposted_post",
        "gif_url",
        "poll_attachment",
        "topic_tag",
        "root_post",
        "replied_to",
        "is_reply",
        "is_reply_owned_by_me",
        "hide_status",
    }
)
Entity = dict[str, Any]


def moment(time: float) -> str:
    """Return a time as the Graph API writes it, to the second."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")


def post_entity(state: State, thread: Thread) -> Entity:
    """Return all that can be asked of a post."""
    post = thread.post
    said_below = any(one.to == thread.id for one in state.world.voices.to("threads", thread.account))
    told: Entity = {
        **_common(thread.id, thread.account, post.text, thread.time),
        "media_type": thread.kind,
        "permalink": post.url,
        "owner": {"id": number_of(thread.account)},
        "is_quote_post": bool(thread.quote),
        "has_replies": said_below or state.answered(thread.id),
        "is_reply": bool(thread.reply_to),
    }
    if thread.reply_to:
        told |= {"replied_to": {"id": thread.reply_to}, "root_post": {"id": post.root}, "is_reply_owned_by_me": True}
    for name, node in (("quoted_post", thread.quote), ("reposted_post", thread.reposted)):
        told |= {name: {"id": node}} if node else {}
    if thread.children:
        told["children"] = {"data": [{"id": f"{thread.id}{number}"} for number in range(thread.children)]}
    elif post.media and post.media[0].alt:
        told["alt_text"] = post.media[0].alt
    told |= {"link_attachment_url": thread.link} if thread.link else {}
    told |= {"poll_attachment": {**thread.poll, "total_votes": 0}} if thread.poll else {}
    return told


def voice_entity(state: State, voice: Voice, base: str) -> Entity:
    """Return what somebody said as a post of theirs."""
    told: Entity = {
        **_common(voice.id, voice.author, voice.text, voice.time),
        "media_type": "TEXT_POST",
        "permalink": f"{base}/@{voice.author}/post/{code_of(voice.id)}",
        "is_quote_post": voice.kind == "quote",
        "has_replies": state.answered(voice.id),
        "is_reply": voice.kind == "reply",
    }
    if voice.kind == "reply" and voice.to:
        parent = state.threads.get(voice.to)
        root = (parent.post.root or parent.id) if parent else voice.to
        told |= {"replied_to": {"id": voice.to}, "root_post": {"id": root}, "is_reply_owned_by_me": False}
        told["hide_status"] = "NOT_HUSHED"
    return told


def picked(entity: Entity, params: Params) -> Entity:
    """Return the fields that were asked for, and the id; an unknown field fails the call."""
    names = [name.partition("{")[0] for name in text(params, "fields").split(",") if name]
    if unknown := [name for name in names if name not in FIELDS]:
        raise invalid(f"Tried accessing nonexisting field ({unknown[0]})")
    return {name: entity[name] for name in dict.fromkeys(["id", *names]) if name in entity}


def _common(node: str, username: str, words: str, time: float) -> Entity:
    return {
        "id": node,
        "media_product_type": "THREADS",
        "username": username,
        "text": words,
        "timestamp": moment(time),
        "shortcode": code_of(node),
    }
