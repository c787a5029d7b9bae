"""Instagram as data: professional accounts, by the API with Instagram Login (graph.instagram.com).

Sources, all at developers.facebook.com under docs/instagram-platform: content-publishing (the guide), and below
instagram-graph-api/reference: ig-user/media, ig-container, ig-user/media_publish, ig-user/content_publishing_limit,
ig-media, ig-media/comments, ig-media/insights, error-codes. The pace of calls is that of docs/graph-api/overview/
rate-limiting. "Unconfirmed" stands where none of them says it; the careful value is taken then.
"""

from collections.abc import Mapping
from datetime import timedelta

from shared.adapter.errors import PlatformError, Rejected, TryLater, Unauthorized, Uncertain
from shared.adapter.form import Field
from shared.adapter.spec import Absence, Grants, ImageLimit, Pace, Repeat, Spec, TextLimit, Unit, VideoLimit
from shared.content import Kind

HOME = "https://graph.instagram.com"
_FILMS = ("video/mp4", "video/quicktime")  # ig-user/media: MOV or MP4
_CODECS = ("h264", "hevc")  # ig-user/media: HEVC or H264
_RATE = (23.0, 60.0)  # ig-user/media: 23 to 60 frames a second
_SHAPE = (0.01, 10.0)  # ig-user/media: 0.01:1 to 10:1
_COLUMNS = (1, 1_920)  # ig-user/media: 1,920 columns at the most; ours: no side is longer

# ig-user/media: 300 MB, 3 seconds to 15 minutes.
_REEL = VideoLimit(
    bytes=300_000_000,
    types=_FILMS,
    shortest=timedelta(seconds=3),
    longest=timedelta(minutes=15),
    codecs=_CODECS,
    ratio=_SHAPE,
    sides=_COLUMNS,
    rate=_RATE,
)
# ig-user/media: 100 MB, 3 to 60 seconds.
_STORY = VideoLimit(
    bytes=100_000_000,
    types=_FILMS,
    shortest=timedelta(seconds=3),
    longest=timedelta(seconds=60),
    codecs=_CODECS,
    ratio=_SHAPE,
    sides=_COLUMNS,
    rate=_RATE,
)
# The guide: up to 10, pictures and videos mixed, all cropped to the shape of the first. What a video among them may be
# is unconfirmed, so as in a story.
_AMONG_OTHERS = VideoLimit(
    bytes=_STORY.bytes,
    types=_FILMS,
    shortest=_STORY.shortest,
    longest=_STORY.longest,
    codecs=_CODECS,
    ratio=_SHAPE,
    sides=_COLUMNS,
    rate=_RATE,
    most=10,
)

# error-codes, and the Graph API's guide to error handling; "code/subcode" where the subcode decides.
_ERRORS: Mapping[tuple[int | None, str | None], type[PlatformError]] = {
    (None, "102"): Unauthorized,
    (None, "190"): Unauthorized,
    (None, "3"): Unauthorized,
    (None, "10"): Unauthorized,
    **{(None, str(code)): Unauthorized for code in range(200, 300)},
    (None, "24/2207006"): Unauthorized,  # no permission for the medium
    (None, "25/2207050"): Unauthorized,  # the account is restricted: its owner must look
    (None, "4"): TryLater,
    (None, "17"): TryLater,
    (None, "32"): TryLater,
    (None, "613"): TryLater,
    (None, "80002"): TryLater,
    (None, "9/2207042"): TryLater,  # as many posts as a day may have
    # Taken for spam; one such answer came for a post that was public (github.com/gitroomhq/postiz-app/issues/1681).
    (None, "4/2207051"): Uncertain,
    (None, "1"): Uncertain,
    (None, "2"): Uncertain,
    (None, "-1"): Uncertain,
    (None, "-2"): TryLater,
    (None, "9007/2207027"): TryLater,  # the container is not ready
    (None, "24/2207008"): TryLater,  # the container is not there, or not yet
    # A fetch that failed; it may do so for one picture of ten (github.com/gitroomhq/postiz-app/pull/1900).
    (None, "9004/2207052"): TryLater,
    (None, "100"): Rejected,
    (None, "352"): Rejected,
    (None, "36000"): Rejected,
    (None, "36001"): Rejected,
    (None, "36003"): Rejected,
    (None, "36004"): Rejected,
    (None, "1/2207057"): Rejected,
}

SPEC = Spec(
    name="instagram",
    # The guide: 2,200 characters, 30 hashtags, 20 mentions. In what it counts is unconfirmed: UTF-16 counts the most.
    text=(TextLimit(2_200, Unit.UTF16),),
    kinds=frozenset({Kind.IMAGE, Kind.CAROUSEL, Kind.VIDEO, Kind.REEL, Kind.STORY}),
    # ig-user/media: JPEG, 8 MB, 4:5 to 1.91:1, 320 to 1,440 columns (others are scaled); alt_text up to 1,000.
    images=ImageLimit(most=10, bytes=8_000_000, types=("image/jpeg",), side=1_440, alt=1_000, ratio=(0.8, 1.91)),
    # There is no key; but a container says whether it was published.
    repeat=Repeat.FINDABLE,
    # A container that is FINISHED for minutes after the call, with nothing listed, was not published; see `search`.
    absence=Absence.PROVES,
    # The guide says 100 in 24 hours, ig-user/media and content_publishing_limit's page 50: the lower one. The account's
    # own figure can be read there, but `Spec.adjusted` has no pace.
    pace=(Pace(50, timedelta(days=1)),),
    quotas=True,
    # ig-media/insights; the two of reels are milliseconds there.
    metrics={
        "views": "views",
        "reach": "reach",
        "likes": "likes",
        "comments": "comments",
        "saved": "saves",
        "shares": "shares",
        "ig_reels_video_view_total_time": "watch_seconds",
        "ig_reels_avg_watch_time": "watched_mean",
    },
    errors=_ERRORS,
    codes=("error.code/error.error_subcode", "error.code"),
    # Ours, where no header says it: no page names a time but "rolling".
    waits={
        "4": timedelta(minutes=15),
        "17": timedelta(minutes=15),
        "32": timedelta(minutes=15),
        "613": timedelta(minutes=15),
        "80002": timedelta(minutes=15),
        "9/2207042": timedelta(hours=1),
        "9007/2207027": timedelta(seconds=30),
        "24/2207008": timedelta(seconds=30),
    },
    of_app=frozenset({"4"}),
    # docs/graph-api/changelog; whether there is a newer one is unconfirmed.
    version="v26.0",
    # ig-media/comments names no limit: that of the API before it, 300 characters, is the careful one (unconfirmed).
    comment=TextLimit(300, Unit.UTF16),
    videos={Kind.VIDEO: _REEL, Kind.REEL: _REEL, Kind.STORY: _STORY, Kind.CAROUSEL: _AMONG_OTHERS},
    pulls=True,
    # ig-media: deleting needs Facebook Login.
    deletes=False,
    # ig-media: a caption cannot be changed.
    edits=False,
    # ig-user/media: a story has no caption, and nothing can be said below it. So a credit that is owed has no place.
    lacks={Kind.STORY: frozenset({Field.TEXT, Field.LINK, Field.WARNING, Field.COMMENT})},
    # ig-user/media gives the shape of pictures for the feed; a story fills an upright screen of 9:16 (third parties say
    # that such pictures are taken: unconfirmed), and bars beside one that does would be in nobody's interest.
    ratios={Kind.STORY: (0.5625, 1.91)},
    tags=30,
    mentions=20,
    # refresh_access_token: a token renews itself once it is 24 hours old.
    grants=Grants(refresh_token=False, youngest=timedelta(hours=24)),
)
