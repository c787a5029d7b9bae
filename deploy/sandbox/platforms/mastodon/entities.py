"""The JSON entities: Account, Status, MediaAttachment, Poll."""

import html
import re
from typing import Any

from deploy.sandbox.platforms.mastodon.limits import URL
from deploy.sandbox.platforms.mastodon.moments import iso
from deploy.sandbox.platforms.mastodon.state import NAME, State, Status, Upload

TAG = re.compile(r"(?<![\w/&])#(\w*[^\W\d]\w*)")


def account_entity(state: State, account: str, base: str) -> dict[str, Any]:
    """Return an Account."""
    url, picture = f"{base}/@{account}", f"{base}/avatars/original/missing.png"
    statuses = state.by_account.get(account, {})
    return {
        "id": state.account_id(account),
        "username": account,
        "acct": account,
        "display_name": account,
        "locked": False,
        "bot": False,
        "discoverable": True,
        "group": False,
        "created_at": "2026-01-01T00:00:00.000Z",
        "note": "",
        "url": url,
        "uri": url,
        "avatar": picture,
        "avatar_static": picture,
        "header": picture,
        "header_static": picture,
        "followers_count": state.world.audience.followers(NAME, account),
        "following_count": 0,
        "statuses_count": len(statuses),
        "last_status_at": iso(next(reversed(statuses.values())).time)[:10] if statuses else None,
        "emojis": [],
        "roles": [],
        "fields": [],
    }


def status_entity(state: State, status: Status, base: str, *, source: bool = False) -> dict[str, Any]:
    """Return a Status; with `source` its plain text takes the place of the HTML, as in the answer to a deletion."""
    felt = state.world.audience.reactions(status.id, state.world.now() - status.time)
    parent = state.statuses.get(status.reply_to or "")
    original = state.statuses.get(status.boost_of or "")
    address = f"{base}/@{status.account}/{status.id}"
    return {
        "id": status.id,
        "created_at": iso(status.time),
        "in_reply_to_id": status.reply_to,
        "in_reply_to_account_id": state.account_id(parent.account) if parent else None,
        "sensitive": status.sensitive,
        "spoiler_text": status.spoiler,
        "visibility": status.visibility,
        "language": status.language,
        "uri": f"{base}/ap/users/{state.account_id(status.account)}/statuses/{status.id}",
        "url": f"{address}/activity" if original else address,
        "replies_count": felt.replies,
        "reblogs_count": felt.reposts,
        "favourites_count": felt.likes,
        "quotes_count": felt.quotes,
        "edited_at": iso(status.edited) if status.edited else None,
        **({"text": status.text} if source else {"content": content(status.text, base)}),
        "filtered": [],
        "reblog": status_entity(state, original, base) if original else None,
        "application": {"name": "Carillon sandbox", "website": None},
        "account": account_entity(state, status.account, base),
        "media_attachments": [media_entity(state, upload, base) for upload in status.media],
        "mentions": [],
        "tags": [{"name": tag.lower(), "url": f"{base}/tags/{tag.lower()}"} for tag in TAG.findall(status.text)],
        "emojis": [],
        "quote": _quote(state, status, base),
        "card": None,
        "poll": status.poll,
    }


def _quote(state: State, status: Status, base: str) -> dict[str, Any] | None:
    if status.quote_of is None:
        return None
    quoted = state.statuses.get(status.quote_of)
    shown = status_entity(state, quoted, base) if quoted and quoted.quote_of is None else None
    return {"state": "accepted" if quoted else "deleted", "quoted_status": shown}


def media_entity(state: State, upload: Upload, base: str) -> dict[str, Any]:
    """Return a MediaAttachment; its url is null while it is processed."""
    file, kind = upload.file, upload.file.mime.split("/")[0]
    address = f"{base.removesuffix(f'/{NAME}')}/_media/{file.sha256}"
    size: dict[str, Any] = {}
    if file.width and file.height:
        pixels = {"size": f"{file.width}x{file.height}", "aspect": file.width / file.height}
        size = {"original": {"width": file.width, "height": file.height, **pixels}}
    focus = {"focus": {"x": upload.focus[0], "y": upload.focus[1]}} if upload.focus else {}
    return {
        "id": upload.id,
        "type": "gifv" if file.mime == "image/gif" else kind,
        "url": address if upload.ready <= state.world.now() else None,
        "preview_url": address,
        "remote_url": None,
        "preview_remote_url": None,
        "text_url": None,
        "meta": {**focus, **size},
        "description": upload.description,
        "blurhash": None,
    }


def content(text: str, base: str) -> str:
    """Return the HTML of a status: paragraphs, line breaks, links and hashtags."""
    if not text:
        return ""
    linked, done = "", 0
    for found in URL.finditer(text):
        linked += _tagged(text[done : found.start()], base)
        link = html.escape(found.group())
        linked += f'<a href="{link}" target="_blank" rel="nofollow noopener">{link}</a>'
        done = found.end()
    linked += _tagged(text[done:], base)
    paragraphs = re.split(r"\n{2,}", linked)
    return "".join(f"<p>{part.replace(chr(10), '<br />')}</p>" for part in paragraphs)


def _tagged(text: str, base: str) -> str:
    link = rf'<a href="{base}/tags/\1" class="mention hashtag" rel="tag">#<span>\1</span></a>'
    return TAG.sub(link, html.escape(text, quote=False))
