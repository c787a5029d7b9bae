"""What goes where: the parts of a content as posts of a platform, with credit, link and warning in their places."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from shared.adapter.form import Field
from shared.adapter.spec import CreditPlace, ImageLimit, Spec, WarningPlace
from shared.content import Content, Kind, Link, Media, Owner, Poll, Rights
from shared.payload import Rendition

NOTHING_YET = Rendition(sha256="0" * 64, type="image/*", size=0)
"""Stands for a rendition while a medium is not fetched: its bytes are not known, nor the credit Commons asks for."""


_PUBLIC_DOMAIN = {"cc0", "cc-pd", "pd"}
"""Licences, as Commons spells them, that ask for no credit."""


@dataclass(frozen=True, slots=True)
class Needed:
    """A medium that a post needs, where the content names it, and what its rendition must fit."""

    medium: Media
    place: str
    """A JSON pointer into the content, such as `/thread/2/media/0`."""
    limit: ImageLimit | None
    """What a picture must fit; None where the platform takes none there: `limits_broken` says so."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A medium with its rendition."""

    needed: Needed
    rendition: Rendition
    alt: str


@dataclass(frozen=True, slots=True)
class Draft:
    """One post, composed but not yet judged or sent."""

    place: str
    """A JSON pointer to its part of the content: nothing, or `/thread/2`."""
    text: str
    thanks: tuple[str, ...]
    """The credit lines of its media."""
    media: tuple[Shown, ...]
    link: Link | None = None
    """Where the author writes the card."""
    thumbnail: Shown | None = None
    poll: Poll | None = None


class _Part(NamedTuple):
    """One post as the content has it."""

    place: str
    text: str
    media: tuple[tuple[str, Media], ...]


def media_of(content: Content, spec: Spec) -> tuple[Needed, ...]:
    """Return every medium that this platform needs, in the order in which `render` wants the renditions."""
    fits = spec.pictures(kind_of(content))
    own = [Needed(medium, place, fits) for part in _parts(content) for place, medium in part.media]
    card = _card(content, spec)
    if card and card.thumbnail and spec.thumbnail:
        own.append(Needed(card.thumbnail, "/link/thumbnail", spec.thumbnail))
    return tuple(own)


def kind_of(content: Content, renditions: Sequence[Rendition] = ()) -> Kind:
    """Return the kind that the caller gave, or the one that follows from what is there."""
    if content.kind:
        return content.kind
    if content.poll:
        return Kind.POLL
    if content.thread:
        return Kind.THREAD
    if len(content.media) == 1 and any(rendition.type.startswith("video/") for rendition in renditions[:1]):
        return Kind.VIDEO
    return (Kind.POST, Kind.IMAGE, Kind.CAROUSEL)[min(len(content.media), 2)]


def drafts(content: Content, spec: Spec, renditions: Sequence[Rendition] | None = None) -> list[Draft]:
    """Return the posts of a content; poll, link and warning belong to the first of them.

    `renditions` are those of `media_of(content, spec)`; ValueError if they are not as many. Without them, nothing is
    known of the media but what the caller said.
    """
    needed = media_of(content, spec)
    known = [NOTHING_YET] * len(needed) if renditions is None else renditions
    if len(known) != len(needed):
        raise ValueError(f"{len(needed)} media need as many renditions, not {len(known)}")
    shown = [Shown(one, form, _alt(one.medium, form, spec)) for one, form in zip(needed, known, strict=True)]
    silent = Field.TEXT in spec.lacks.get(kind_of(content, known), ())
    return [_draft(content, spec, part, opening, shown, silent) for opening, part in _opening(_parts(content))]


def comment_of(content: Content, spec: Spec, said: Sequence[Draft]) -> str | None:
    """Return what the account says below its own post: the caller's words, then the credit where it belongs there."""
    thanks = (line for draft in said for line in draft.thanks) if spec.credit is CreditPlace.COMMENT else ()
    words = [content.first_comment or "", "\n".join(dict.fromkeys(thanks))]
    return "\n\n".join(part for part in words if part) or None


def _opening(parts: Sequence[_Part]) -> Iterator[tuple[bool, _Part]]:
    return ((number == 0, part) for number, part in enumerate(parts))


def _parts(content: Content) -> list[_Part]:
    """Return a single text as a thread of one; media of the content as a whole belong to its first part."""
    whole = [(f"/media/{number}", medium) for number, medium in enumerate(content.media)]
    if not content.thread:
        return [_Part("", content.text or "", tuple(whole))]
    parts = []
    for number, part in enumerate(content.thread):
        own = [(f"/thread/{number}/media/{place}", medium) for place, medium in enumerate(part.media)]
        parts.append(_Part(f"/thread/{number}", part.text, tuple([*whole, *own] if number == 0 else own)))
    return parts


def _card(content: Content, spec: Spec) -> Link | None:
    """Return the link whose card the author writes: only where the platform lets one, and no media take its place."""
    opening = content.media or (content.thread and content.thread[0].media)
    return content.link if spec.card and not content.poll and not opening else None


def _draft(content: Content, spec: Spec, part: _Part, opening: bool, shown: Sequence[Shown], silent: bool) -> Draft:
    """Compose one post; a `silent` one shows no text, so nothing is put into it."""
    places = {place for place, _ in part.media}
    media = tuple(one for one in shown if one.needed.place in places)
    card = _card(content, spec) if opening else None
    thumbnail = next((one for one in shown if one.needed.place == "/link/thumbnail"), None) if card else None
    thanked = [*media, thumbnail] if thumbnail else media
    thanks = tuple(dict.fromkeys(line for one in thanked if (line := credit(one.needed.medium, one.rendition))))
    link = content.link if opening and not card else None
    blocks = [part.text] if silent else _blocks(part.text, content if opening else None, spec, link, thanks)
    return Draft(
        place=part.place,
        text="\n\n".join(blocks),
        thanks=thanks,
        media=media,
        link=card,
        thumbnail=thumbnail,
        poll=content.poll if opening else None,
    )


def _blocks(
    text: str, opening: Content | None, spec: Spec, link: Link | None, thanks: tuple[str, ...]
) -> Iterator[str]:
    if opening and opening.content_warning and spec.warning is WarningPlace.TEXT:
        yield f"CW: {opening.content_warning}"
    if text:
        yield text
    if link and link.url not in text:
        yield link.url
    if thanks and spec.credit is CreditPlace.TEXT:
        yield "\n".join(thanks)


def _alt(medium: Media, rendition: Rendition, spec: Spec) -> str:
    alt = medium.alt or ""
    line = credit(medium, rendition) if spec.credit is CreditPlace.ALT else ""
    return "\n\n".join(part for part in (alt, line) if part)


def credit(medium: Media, rendition: Rendition = NOTHING_YET) -> str:
    """Return `Title, Author, CC BY-SA 4.0, via Wikimedia Commons`, the caller's own line, or nothing to say."""
    if medium.credit:
        return medium.credit
    rights = rendition.rights or medium.rights
    return _tasl(rights, medium.commons) if rights else ""


def credit_owed(medium: Media, rendition: Rendition = NOTHING_YET) -> str:
    """Return the credit that must be shown: the caller's own line, or what the licence asks for; else nothing."""
    rights = rendition.rights or medium.rights
    owed = rights and rights.attribution_required and (rights.license or "").lower() not in _PUBLIC_DOMAIN
    return credit(medium, rendition) if medium.credit or owed else ""


def _tasl(rights: Rights, commons: str | None) -> str:
    """Compose title, author, licence and source, as Creative Commons recommends; what is unknown is left out."""
    title = rights.title or (commons and _plain_title(commons))
    source = "via Wikimedia Commons" if commons or rights.owner is Owner.COMMONS else None
    return ", ".join(part for part in (title, rights.author, rights.license_name or rights.license, source) if part)


def _plain_title(commons: str) -> str:
    """`File:Eileen_Collins.jpg` is called `Eileen Collins`."""
    name = commons.removeprefix("File:").replace("_", " ")
    stem, dot, ending = name.rpartition(".")
    return stem if dot and 2 <= len(ending) <= 4 else name
