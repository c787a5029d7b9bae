"""The nodes as the Graph API shows them; a field with modifiers is a function of what was asked."""

from typing import Any

from deploy.sandbox.people import number_of
from deploy.sandbox.platforms.facebook.comments import comments_below
from deploy.sandbox.platforms.facebook.fields import Entity, Field
from deploy.sandbox.platforms.facebook.state import APP, NAME, Photo, State, Story, iso


def page_node(state: State, page: str, base: str) -> Entity:
    """Return a Page."""
    return {
        "id": number_of(page),
        "name": page,
        "username": page,
        "link": f"{base}/{page}",
        "followers_count": state.world.audience.followers(NAME, page),
    }


def photo_node(photo: Photo) -> Entity:
    """Return a photo; the post that it is in only once it is public."""
    return {
        "id": photo.id,
        "page_story_id": photo.story,
        "alt_text_custom": photo.alt,
        "width": photo.file.width,
        "height": photo.file.height,
    }


def story_node(state: State, story: Story) -> Entity:
    """Return a post; shares are left out until there are some."""
    felt = state.world.audience.reactions(story.id, state.world.now() - story.post.time)

    def comments(field: Field) -> dict[str, Any]:
        return comments_below(state, story, field, felt.replies)

    def reactions(field: Field) -> dict[str, Any]:
        return {"data": [], **({"summary": {"total_count": felt.likes}} if "summary" in field.modifiers else {})}

    return {
        "id": story.id,
        "message": story.post.text or None,
        "created_time": iso(story.post.time),
        "permalink_url": story.post.url,
        "is_published": True,
        "application": {"id": APP, "name": "Carillon"},
        "from": {"id": number_of(story.page), "name": story.page},
        "attachments": _attachments(story),
        "shares": {"count": felt.reposts} if felt.reposts else None,
        "comments": comments,
        "reactions": reactions,
    }


def _attachments(story: Story) -> dict[str, Any] | None:
    if story.link:
        told: dict[str, Any] = {"media_type": "link", "target": {"url": story.link}, "unshimmed_url": story.link}
    elif story.video:
        told = {"media_type": "video", "target": {"id": story.video.id}}
    elif len(story.photos) > 1:
        several = [{"media_type": "photo", "target": {"id": photo.id}} for photo in story.photos]
        told = {"media_type": "album", "target": {"id": story.number}, "subattachments": {"data": several}}
    elif story.photos:
        told = {"media_type": "photo", "target": {"id": story.photos[0].id}}
    else:
        return None
    return {"data": [told]}
