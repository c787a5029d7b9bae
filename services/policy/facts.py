"""What policy knows about a post besides what is said in it; recorded with a decision, so that it can be replayed."""

from collections.abc import Mapping

from shared.content import Audience
from shared.events import Trust
from shared.model import Travelling
from shared.payload import Payload, Rendition


class CommonsFile(Travelling):
    """What Wikimedia Commons says about a file (its API's imageinfo with extmetadata, and categories)."""

    found: bool = True
    """False when the file is missing, deleted or suppressed."""
    license: str | None = None
    """The licence's id, such as `cc-by-sa-4.0`; Commons leaves it out for licences it has no id for."""
    license_name: str | None = None
    non_free: bool = False
    restrictions: tuple[str, ...] = ()
    """What a reuser has to mind besides copyright, such as `personality` or `trademarked`."""
    deletion_pending: bool = False


class Facts(Travelling):
    """All that a verdict rests on, besides the payload and the pack."""

    trust: Trust = Trust.GUEST
    audience: Audience = Audience.PUBLIC
    """Whom the caller says that the post is for."""
    intact: bool = True
    """Whether the payload, as this version reads it, has the hash that it was sent with."""
    files: Mapping[str, CommonsFile] = {}
    """By Commons title; a file that was not looked up, or not with success, is absent."""


def renditions(payload: Payload) -> list[tuple[str, Rendition]]:
    """Return every medium of a payload with its place, a JSON pointer."""
    places = []
    for number, piece in enumerate(payload.pieces):
        places += [(f"/pieces/{number}/media/{n}", medium) for n, medium in enumerate(piece.media)]
        if piece.card and piece.card.thumbnail:
            places.append((f"/pieces/{number}/card/thumbnail", piece.card.thumbnail))
    return places


def titles(payload: Payload) -> list[str]:
    """Return the Commons titles that must be looked up before the payload can be judged, each once."""
    return list(dict.fromkeys(medium.commons for _, medium in renditions(payload) if medium.commons))
