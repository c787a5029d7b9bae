"""The page for people: what there is, and the newest posts."""

from collections.abc import Mapping
from datetime import UTC, datetime
from html import escape

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from deploy.sandbox.ledger import Post
from deploy.sandbox.wire import Platform
from deploy.sandbox.world import World

NEWEST = 50
FRAME = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Carillon sandbox</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem}}
article{{border-top:1px solid #ccc;padding:.6rem 0;white-space:pre-wrap}}img{{max-height:9rem;margin-right:.5rem}}
small{{color:#555}}</style>
<h1>Carillon sandbox</h1>
<p>A stand-in for the platforms. Nothing here reaches anybody.</p>
<ul>{platforms}</ul>
<p>Look: <a href="/_ledger">ledger</a>, <a href="/_ledger/counts">counts</a>,
<a href="/_ledger/requests">requests</a>, <a href="/_faults">faults</a>, <a href="/_quotas">quotas</a>,
<a href="/_followers">followers</a>. Steer: <a href="/_docs">the controls</a>.</p>
<h2>{total} posts, newest first</h2>{posts}</html>"""


def page_routes(world: World, platforms: Mapping[str, Platform]) -> APIRouter:
    """Return the route of the page."""
    router = APIRouter()

    @router.get("/", response_class=HTMLResponse)
    async def page() -> HTMLResponse:
        """Show what there is."""
        listed = "".join(f"<li><b>/{escape(p.name)}</b> — {escape(p.about)}</li>" for p in platforms.values())
        posts = list(world.ledger.posts())
        shown = "".join(_article(post) for post in reversed(posts[-NEWEST:]))
        return HTMLResponse(FRAME.format(platforms=listed, total=len(posts), posts=shown))

    return router


def _article(post: Post) -> str:
    when = datetime.fromtimestamp(post.time, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    pictures = "".join(
        f'<img src="/_media/{one.sha256}" alt="{escape(one.alt or "", quote=True)}">'
        for one in post.media
        if one.mime.startswith("image/")
    )
    head = f"<small>{escape(post.platform)} · {escape(post.account)} · {when}</small>"
    return f"<article>{head}\n{escape(post.text)}\n{pictures}</article>"
