"""The final form of a post: composed once, from content and spec alone, and never cut to fit."""

from collections.abc import Sequence

from shared.adapter.compose import Draft, Shown, comment_of, kind_of
from shared.adapter.compose import drafts as drafts
from shared.adapter.compose import media_of as media_of
from shared.adapter.limits import Excess as Excess
from shared.adapter.limits import limits_broken as limits_broken
from shared.adapter.spec import Spec, WarningPlace
from shared.adapter.text import facets
from shared.content import Content
from shared.payload import Card, Payload, Piece, Rendition, Track


def render(
    content: Content,
    channel: str,
    spec: Spec,
    renditions: Sequence[Rendition] = (),
    said: Sequence[Draft] | None = None,
) -> Payload:
    """Return what the channel will say; a preview is the same function.

    `renditions` are the fitted forms of `media_of(content, spec)`, in that order; ValueError if they are not as many.
    Limits of the channel's own account are in `spec` already (`Spec.adjusted`). What breaks a limit is rendered all the
    same: `limits_broken` says so. `said` are the `drafts` of just these, where the caller has them already.
    """
    said = drafts(content, spec, renditions) if said is None else said
    return Payload(
        channel=channel,
        platform=spec.name,
        kind=kind_of(content, renditions),
        pieces=tuple(_piece(draft) for draft in said),
        title=content.title if spec.title else None,
        language=content.language,
        content_warning=None if spec.warning is WarningPlace.TEXT else content.content_warning,
        refers_to=content.refers_to,
        first_comment=comment_of(content, spec, said),
    )


def _piece(draft: Draft) -> Piece:
    return Piece(
        text=draft.text,
        facets=facets(draft.text),
        media=tuple(_described(shown) for shown in draft.media),
        card=_card(draft),
        poll=draft.poll,
    )


def _described(shown: Shown) -> Rendition:
    medium = shown.needed.medium
    return shown.rendition.model_copy(
        update={
            "alt": shown.alt,
            "captions": tuple(Track(language=c.language, sha256=c.asset) for c in medium.captions),
            "rights": shown.rendition.rights or medium.rights,
            "commons": medium.commons,
        }
    )


def _card(draft: Draft) -> Card | None:
    if draft.link is None:
        return None
    return Card(
        url=draft.link.url,
        title=draft.link.title or draft.link.url.partition("://")[2],
        description=draft.link.description or "",
        thumbnail=_described(draft.thumbnail) if draft.thumbnail else None,
    )
