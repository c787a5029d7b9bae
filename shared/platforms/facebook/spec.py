"""Facebook Pages as data. Where a figure is unconfirmed, its comment says so, and the careful value stands.

Sources, under developers.facebook.com/docs: pages-api/posts, graph-api/reference/{page/feed,page/videos,photo},
graph-api/video-uploads, video-api/guides/reels-publishing, graph-api/guides/error-handling,
graph-api/overview/rate-limiting, graph-api/reference/page/insights, graph-api/changelog. "Postiz" is what that
publisher has met (github.com/gitroomhq/postiz-app, facebook.provider.ts).
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta

from shared.adapter.errors import PlatformError, Rejected, TryLater, Unauthorized, Uncertain
from shared.adapter.form import Field, Permalink
from shared.adapter.spec import Absence, Grants, ImageLimit, Pace, Repeat, Spec, TextLimit, Unit, VideoLimit
from shared.content import Kind

_AN_HOUR = timedelta(hours=1)


def _all(codes: Iterable[int], remedy: type[PlatformError]) -> dict[tuple[int | None, str | None], type[PlatformError]]:
    return {(None, str(code)): remedy for code in codes}


# rate-limiting: calls of the app, of the person, of the Page, of its custom limit, of its business use case;
# 1390008 (posting too fast): Postiz.
_TOO_FAST = (4, 17, 32, 341, 613, 80_001, 1_390_008)

_ERRORS: Mapping[tuple[int | None, str | None], type[PlatformError]] = {
    # error-handling: session, token; oauth: a code that is spent (36009) or over (36007).
    **_all((102, 190), Unauthorized),
    (None, "100/36007"): Unauthorized,
    (None, "100/36009"): Unauthorized,
    # error-handling: permissions.
    **_all((3, 10, *range(200, 300)), Unauthorized),
    # changelog: a version that is gone; the account may name a newer one.
    **_all((2635,), Unauthorized),
    # Postiz: the Page's owner must act first (security check, Page authorization).
    **_all((1_404_006, 1_404_078, 4_854_002), Unauthorized),
    **_all(_TOO_FAST, TryLater),
    # error-handling: 506 is the same as the post before it; 368 is a policy's block, whose words may also say so.
    **_all((368, 506), Rejected),
    # page/videos, photo, error-handling, Postiz: media or a link that cannot be fetched or read; too small; upload.
    **_all((324, 382, 389, 6000, 6001, 1_349_125, 1_366_046, 1_609_005, 2_069_019), Rejected),
    # error-handling: parameters (a text that is too long among them: Postiz, unconfirmed); 33 is an object not there.
    **_all((100, 803), Rejected),
    (None, "100/33"): Rejected,
    # error-handling calls these transient, but posts were public after them (github.com/arsduo/koala/issues/699).
    **_all((1, 2), Uncertain),
    (None, "True"): Uncertain,
}

SPEC = Spec(
    name="facebook",
    version="v26.0",  # changelog, of 2026-07-29
    # Postiz; unconfirmed, as is the unit: UTF-16 code units are never fewer than characters.
    text=(TextLimit(63_206, Unit.UTF16),),
    kinds=frozenset(
        {Kind.POST, Kind.IMAGE, Kind.CAROUSEL, Kind.VIDEO, Kind.REEL, Kind.REPOST, Kind.QUOTE, Kind.LIVESTREAM}
    ),
    # photo: less than 10 MB; Postiz: refused above 4 MB. Ten a post, and an alternative text of 1,000: unconfirmed.
    # facebook.com/help/266520536764594: photos are shown 720, 960 or 2,048 pixels wide.
    images=ImageLimit(most=10, bytes=4_000_000, types=("image/jpeg", "image/png"), width=2_048, alt=1_000),
    videos={
        # video-uploads, the stricter of its versions: 1.75 GB, 45 minutes, from 9:16 to 16:9.
        Kind.VIDEO: VideoLimit(
            bytes=1_750_000_000,
            types=("video/mp4", "video/quicktime"),
            shortest=timedelta(seconds=1),
            longest=timedelta(minutes=45),
            ratio=(9 / 16, 16 / 9),
        ),
        # reels-publishing; the most bytes and the longest side are unconfirmed.
        Kind.REEL: VideoLimit(
            bytes=250_000_000,
            types=("video/mp4",),
            shortest=timedelta(seconds=3),
            longest=timedelta(seconds=90),
            ratio=(9 / 16, 9 / 16),
            sides=(540, 1_920),
            rate=(24, 60),
        ),
    },
    title=TextLimit(255, Unit.UTF16, kinds=frozenset({Kind.VIDEO})),  # unconfirmed
    comment=TextLimit(8_000, Unit.UTF16),  # unconfirmed
    # page/feed: a post about another is one with that address as its link, which stands where photos would. Permalinks
    # have many forms, and the name of the host is what all have.
    subject=Permalink(
        r"https?://(?:[\w-]+\.)*(?:facebook\.com|fb\.com|fb\.watch)(?::\d+)?/+[^/?#].*",
        "https://www.facebook.com/wikipedia/posts/10158000000000000",
    ),
    lacks=dict.fromkeys((Kind.REPOST, Kind.QUOTE), frozenset({Field.MEDIA})),
    # No key makes a repeat harmless; the Page's posts are listed (page/feed), but ranked and not all of them.
    repeat=Repeat.FINDABLE,
    absence=Absence.ASK,
    edits=True,
    # reels-publishing: 30 in 24 hours; none is told for other posts, so that it holds for all.
    pace=(Pace(30, timedelta(hours=24)),),
    # page/insights, pages-api/posts (summaries).
    metrics={
        "post_media_view": "views",
        "post_total_media_view_unique": "reach",
        "post_clicks": "clicks",
        "reactions": "likes",
        "comments": "comments",
        "shares": "shares",
    },
    errors=_ERRORS,
    codes=("error.code/error.error_subcode", "error.error_subcode", "error.code", "error.is_transient"),
    # rate-limiting: minutes are in a header; where they are not, windows slide over an hour. 341 is a day's.
    waits={**{str(code): _AN_HOUR for code in _TOO_FAST}, "341": timedelta(hours=24)},
    of_app=frozenset({"4"}),  # rate-limiting: 4 is the app's limit, 17 the user's, 32 the Page's
    # get-long-lived: a Page's token names no end; but an app may read for 90 days after its person was there (that a
    # Page's token is meant too is unconfirmed).
    grants=Grants(refresh_token=False, consent=timedelta(days=90)),
)
