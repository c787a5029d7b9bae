"""Photos go up unseen, one by one, so that only the post itself can be in doubt: an orphan is harmless."""

from typing import Any

from shared.payload import Rendition
from shared.platforms.facebook.work import Work, id_of


async def photos_of(work: Work) -> list[str]:
    """Return the ids of the post's photos, each kept before the next goes up."""
    made: list[str] = list(work.done.get("photos", ()))
    for rendition in work.piece.media[len(made) :]:
        made = [*made, await _upload(rendition, work)]
        await work.keep(photos=made)
    return made


async def _upload(rendition: Rendition, work: Work) -> str:
    name = f"{rendition.sha256[:16]}.{rendition.type.partition('/')[2]}"
    content = await work.media.read(rendition.sha256)
    said: dict[str, Any] = {"published": "false"}
    if rendition.alt:
        said["alt_text_custom"] = rendition.alt
    answer = await work.call(
        "POST",
        f"/{work.page}/photos",
        operation="photo",
        files={"source": (name, content, rendition.type)},
        data=said,
    )
    return id_of(answer)
