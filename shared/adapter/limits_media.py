"""What of a post's media breaks a platform's limits."""

from collections.abc import Iterator
from dataclasses import dataclass

from shared.adapter.compose import NOTHING_YET, Draft, Shown, credit_owed
from shared.adapter.form import Field
from shared.adapter.spec import Spec, VideoLimit
from shared.adapter.text import graphemes
from shared.content import Kind
from shared.payload import Rendition

_ROUNDED = 0.01
"""By how much a shape may miss its limit: pixels are whole."""
_NEAR = 0.05
"""By how much a rate may miss its limit: 30 frames are often 29.97."""


_FILMS = {Kind.VIDEO, Kind.REEL}


@dataclass(frozen=True, slots=True)
class Found:
    """One limit that is broken: which, how far, where, and what to do about it."""

    limit: str
    most: int
    count: int
    unit: str
    place: str
    message: str


def media_broken(kind: Kind, draft: Draft, spec: Spec) -> Iterator[Found]:
    """Give every limit that the media of one post break."""
    videos = [shown for shown in draft.media if shown.rendition.type.startswith("video/")]
    yield from _too_many(draft, len(videos), spec)
    if draft.media and draft.poll and Kind.POLL in spec.kinds:
        message = "a poll takes no media beside it; drop one of the two"
        yield Found("media", 0, len(draft.media), "media", "/poll", message)
    if draft.thumbnail and not draft.thumbnail.rendition.type.startswith("image/"):
        message = f"a card shows a picture, this is {draft.thumbnail.rendition.type}; give a picture, or leave it out"
        yield Found("type", 0, 1, "media", "/link/thumbnail", message)
    for shown in draft.media:
        yield from _captions(shown, spec)
        if Field.TEXT in spec.lacks.get(kind, ()):
            yield from _unsaid(kind, shown, spec)
        if shown.rendition.type.startswith("image/"):
            yield from _picture(kind, shown, spec)
        elif limit := _video_limit(kind, len(draft.media), spec) if shown in videos else None:
            yield from _video(shown, limit)
        else:
            yield _not_taken(kind, shown, spec)


def _not_taken(kind: Kind, shown: Shown, spec: Spec) -> Found:
    """Say what a medium is that the platform does not take here, and which kinds would take it."""
    type_ = shown.rendition.type
    if type_.startswith("video/") and spec.videos and kind not in spec.videos:
        kinds = ", ".join(sorted(spec.videos))
        message = f"a post of kind {kind} takes no video on {spec.name}; leave it out, or make it one of {kinds}"
    else:
        taken = "images and videos" if spec.videos and spec.images else "videos" if spec.videos else "images"
        message = f"{spec.name} takes {taken} here, this is {type_}; leave it out"
    return Found("type", 0, 1, "media", shown.needed.place, message)


def _captions(shown: Shown, spec: Spec) -> Iterator[Found]:
    """Give what is wrong with the captions: where none are taken they would be lost, and with them who needs them."""
    captions, limit, place = shown.needed.medium.captions, spec.captions, f"{shown.needed.place}/captions"
    if not captions:
        return
    seen = shown.rendition != NOTHING_YET
    if limit is None:
        message = f"{spec.name} takes no captions; leave them out for this channel, or give a film that shows them"
        yield Found("captions", 0, len(captions), "files", place, message)
    elif seen and not shown.rendition.type.startswith("video/"):
        message = f"captions are for a video, this is {shown.rendition.type}; leave them out"
        yield Found("captions", 0, len(captions), "files", place, message)
    elif len(captions) > limit.most:
        message = f"a video may have {limit.most} files of captions, this has {len(captions)}; drop some"
        yield Found("captions", limit.most, len(captions), "files", place, message)
    languages = [one.language for one in captions]
    for number, language in enumerate(languages):
        if limit and language in languages[:number]:
            message = f"there is one file of captions for each language, and two for {language}; drop one"
            yield Found("captions", 1, 2, "files", f"{place}/{number}/language", message)


def _unsaid(kind: Kind, shown: Shown, spec: Spec) -> Iterator[Found]:
    """Give a credit that is owed and that a post without text cannot say."""
    if line := credit_owed(shown.needed.medium, shown.rendition):
        message = (
            f"a {kind} on {spec.name} shows no text, so the credit {line!r} would be lost; "
            "give a medium that needs none, or make it another kind"
        )
        yield Found("credit", 0, 1, "credits", shown.needed.place, message)


def _video_limit(kind: Kind, media: int, spec: Spec) -> VideoLimit | None:
    return spec.videos.get(Kind.CAROUSEL if media > 1 else kind)


def _too_many(draft: Draft, videos: int, spec: Spec) -> Iterator[Found]:
    """Give what there is too much of; a single video is no picture too many where the platform takes none."""
    count = len(draft.media)
    mixed = spec.videos.get(Kind.CAROUSEL)
    most = max(spec.images.most if spec.images else 0, mixed.most if mixed and videos else 0, 1 if spec.videos else 0)
    if count > most:
        place = draft.media[0].needed.place.rpartition("/")[0]
        unit = "media" if spec.videos else "images"
        message = f"a post takes {most} {unit} at the most, this one has {count}; drop some"
        yield Found("media", most, count, unit, place, message)


def _picture(kind: Kind, shown: Shown, spec: Spec) -> Iterator[Found]:
    place = shown.needed.place
    if spec.images and kind in _FILMS and shown.rendition != NOTHING_YET:
        message = f"a {kind} is a film, this is {shown.rendition.type}; give a film, or leave 'kind' out"
        yield Found("type", 0, 1, "images", place, message)
    if spec.images is None and spec.videos and shown.rendition == NOTHING_YET:
        return  # it may be a video: nobody has looked at it
    if spec.images is None:
        yield Found("type", 0, 1, "images", place, f"{spec.name} takes no images; give a video, or leave it out")
    elif spec.images.alt:
        yield from _alt(shown, spec.images.alt)


def _alt(shown: Shown, most: int) -> Iterator[Found]:
    if (count := graphemes(shown.alt)) > most:
        message = f"an alternative text may have {most} graphemes, and this has {count}; shorten it"
        yield Found("alt", most, count, "graphemes", f"{shown.needed.place}/alt", message)


def _video(shown: Shown, limit: VideoLimit) -> Iterator[Found]:
    """Give every limit that a video breaks, as far as it is known."""
    place, form = shown.needed.place, shown.rendition
    if form.type not in limit.types:
        message = f"a video may be {' or '.join(limit.types)} here, this is {form.type}; give another form of it"
        yield Found("type", 0, 1, "media", place, message)
    if form.size > limit.bytes:
        message = f"a video may have {limit.bytes} bytes, this has {form.size}; give a smaller form of it"
        yield Found("bytes", limit.bytes, form.size, "bytes", place, message)
    if form.size < limit.least:
        message = f"a video has {limit.least} bytes at the least here, this has {form.size}; give a larger form of it"
        yield Found("bytes", limit.least, form.size, "bytes", place, message)
    yield from _coding(form, limit, place)
    yield from _time(form, limit, place)
    yield from _shape(form, limit, place)
    if limit.alt:
        yield from _alt(shown, limit.alt)


def _coding(form: Rendition, limit: VideoLimit, place: str) -> Iterator[Found]:
    if form.codec and form.codec not in limit.codecs:
        message = f"a video is coded as {' or '.join(limit.codecs)} here, this as {form.codec}; give another form of it"
        yield Found("codec", 0, 1, "media", place, message)
    if form.rate and limit.rate and not limit.rate[0] - _NEAR <= form.rate <= limit.rate[1] + _NEAR:
        least, most = limit.rate
        message = f"a video has {least:g} to {most:g} frames a second here, this {form.rate:g}; give another form of it"
        yield Found("rate", round(most), round(form.rate), "frames a second", place, message)


def _time(form: Rendition, limit: VideoLimit, place: str) -> Iterator[Found]:
    shortest, longest = limit.shortest.total_seconds(), limit.longest.total_seconds()
    if form.seconds is not None and not shortest <= form.seconds <= longest:
        broken = shortest if form.seconds < shortest else longest
        message = f"a video lasts {shortest:g} to {longest:g} seconds here, this one {form.seconds:g}; cut it"
        yield Found("time", int(broken), round(form.seconds), "seconds", place, message)


def _shape(form: Rendition, limit: VideoLimit, place: str) -> Iterator[Found]:
    if not form.width or not form.height:
        return
    if limit.ratio and not limit.ratio[0] - _ROUNDED <= form.width / form.height <= limit.ratio[1] + _ROUNDED:
        least, most = limit.ratio
        message = (
            f"width by height of a video is {least:.4g} to {most:.4g} here, this is {form.width} × {form.height}; "
            "give another form of it"
        )
        yield Found("ratio", round(most * 100), round(form.width / form.height * 100), "hundredths", place, message)
    if limit.sides and not (
        limit.sides[0] <= min(form.width, form.height) and max(form.width, form.height) <= limit.sides[1]
    ):
        least_side, most_side = limit.sides
        message = (
            f"the sides of a video have {least_side} to {most_side} pixels here, this is {form.width} × {form.height}; "
            "give another form of it"
        )
        yield Found("side", most_side, max(form.width, form.height), "pixels", place, message)
