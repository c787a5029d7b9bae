"""LinkedIn as data: the page of an organization, by the Community Management API.

Sources: learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/{posts-api, images-api, videos-api,
multiimage-post-api, comments-api, little-text-format} and .../organizations/{share-statistics, follower-statistics},
marketing/versioning, shared/api-guide/concepts/{error-handling, rate-limits}. "Unconfirmed" is what none of them says.
"""

from datetime import timedelta

from shared.adapter.errors import Rejected, TryLater, Unauthorized
from shared.adapter.form import Field, Permalink
from shared.adapter.spec import (
    Absence,
    ImageLimit,
    Midnight,
    Pace,
    Repeat,
    Spec,
    TextLimit,
    Unit,
    VideoLimit,
)
from shared.content import Kind

# images-api: JPG, PNG, GIF, fewer than 36,152,320 pixels; GIFs are left out here, for fitting would still them. The
# page names no limit in bytes: this one is ours.
_TYPES, _BYTES, _PIXELS = ("image/jpeg", "image/png"), 5_000_000, 36_152_319

_HOST = r"(?i:https?://(?:[\w-]+\.)*linkedin\.com)(?::\d+)?"
# posts-api, reshareContext: a post is shared by its URN, which some of its addresses have; the groups are the URN, or
# its kind and number.
SHARED = Permalink(
    rf"{_HOST}(?:(?:/[^?#]*)?/feed/update/(urn:li:(?:share|ugcPost):\d+)(?:[/?#].*)?"
    r"|/posts/[^?#]*-(share|ugcPost)-(\d+)(?:[-/?#].*)?)",
    "https://www.linkedin.com/feed/update/urn:li:share:123/",
    note="it is in the code that 'Embed this post' shows",
)

SPEC = Spec(
    name="linkedin",
    # posts-api: `commentary`; the 3,000 are confirmed by its error FIELD_LENGTH_TOO_LONG, the unit is unconfirmed: the
    # largest count is the careful one.
    text=(TextLimit(3_000, Unit.UTF16),),
    # posts-api: "Carousels" there are advertisements; several pictures are its MultiImage. Threads do not exist, and
    # replies have no place in a post's address.
    kinds=frozenset({Kind.POST, Kind.IMAGE, Kind.CAROUSEL, Kind.VIDEO, Kind.REPOST, Kind.QUOTE, Kind.LIVESTREAM}),
    # multiimage-post-api: 2 to 20; images-api: altText 4,086.
    images=ImageLimit(most=20, bytes=_BYTES, types=_TYPES, pixels=_PIXELS, alt=4_086),
    # videos-api: MP4, 75 KB to 500 MB, 3 seconds to 30 minutes; whether KB and MB are decimal is unconfirmed, so each
    # is read as the narrower.
    videos={
        Kind.VIDEO: VideoLimit(
            bytes=500_000_000,
            types=("video/mp4",),
            shortest=timedelta(seconds=3),
            longest=timedelta(minutes=30),
            least=76_800,
        )
    },
    title=TextLimit(200, Unit.UTF16, kinds=frozenset({Kind.VIDEO})),  # unconfirmed
    comment=TextLimit(1_250, Unit.UTF16),  # unconfirmed: third parties say so
    subject=SHARED,
    # posts-api: a reshare has no content of its own beside its commentary.
    lacks=dict.fromkeys((Kind.REPOST, Kind.QUOTE), frozenset({Field.MEDIA, Field.LINK})),
    card=True,
    # posts-api, article: the thumbnail is an image's URN; LinkedIn itself fetches nothing.
    thumbnail=ImageLimit(most=1, bytes=_BYTES, types=_TYPES, pixels=_PIXELS),
    # An exact duplicate of a recent post is refused (ugc-post-api), but how long and how surely is unconfirmed; posts
    # can be listed, but that a new one is listed at once is nowhere promised.
    repeat=Repeat.FINDABLE,
    absence=Absence.ASK,
    # rate-limits: numbers are in the developer portal only; 150 posts a day, as third parties say, is unconfirmed, and
    # an application in the Development tier has 100 calls a day and member.
    pace=(Pace(100, timedelta(days=1)),),
    # share-statistics: totalShareStatistics; organic only, of the last 12 months.
    metrics={
        "impressionCount": "views",
        "uniqueImpressionsCount": "reach",
        "clickCount": "clicks",
        "likeCount": "likes",
        "commentCount": "comments",
        "shareCount": "shares",
    },
    # error-handling, versioning, programmatic-refresh-tokens; both forms of error bodies name the HTTP status too.
    codes=("errorDetails.inputErrors.0.code", "code", "error", "serviceErrorCode", "status"),
    errors={
        (400, "VERSION_MISSING"): Unauthorized,  # a person must name a version that lives: `version` of the account
        (426, None): Unauthorized,
        (400, "invalid_grant"): Unauthorized,
        (400, "invalid_request"): Unauthorized,
        (401, None): Unauthorized,
        (403, None): Unauthorized,
        (400, "MEDIA_ASSET_WAITING_UPLOAD"): TryLater,
        (400, "EXPIRED_UPLOAD_URL"): TryLater,
        (400, "MEDIA_ASSET_PROCESSING_FAILED"): Rejected,
        (400, "INVALID_IMAGE_ID"): Rejected,
        (400, "FIELD_LENGTH_TOO_LONG"): Rejected,
        (400, "INVALID_VALUE_FOR_FIELD"): Rejected,
        (400, None): Rejected,
        (404, None): Rejected,
        (409, None): TryLater,
        (413, None): Rejected,
        (415, None): Rejected,
        (422, None): Rejected,
        (429, None): TryLater,
    },
    # rate-limits: all of them are full again at midnight UTC; no header says so.
    waits={"TOO_MANY_REQUESTS": Midnight("UTC"), "429": Midnight("UTC")},
    version="202609",  # versioning: each lives for twelve months at the least
    edits=True,
)
