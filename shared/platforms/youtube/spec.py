"""YouTube as data: Data API v3 and Analytics API v2.

Sources: the discovery documents of both (youtube.v3.json, revision 20261104; youtubeAnalytics.v2.json), and the pages
below developers.google.com/youtube that are named beside each figure.
"""

from datetime import timedelta

from shared.adapter.errors import Rejected, TryLater, Unauthorized
from shared.adapter.spec import Absence, CaptionLimit, Midnight, Pace, Repeat, Spec, TextLimit, Unit, VideoLimit
from shared.content import Kind

HOME = "https://youtube.googleapis.com"  # discovery: rootUrl
UPLOADS = "https://www.googleapis.com"  # v3/guides/using_resumable_upload_protocol
ANALYTICS = "https://youtubeanalytics.googleapis.com"  # discovery of the Analytics API: rootUrl
SIGN_IN = "https://accounts.google.com"  # identity/protocols/oauth2/web-server
TOKENS = "https://oauth2.googleapis.com"  # the same page

PACIFIC = Midnight("America/Los_Angeles")  # data/determine_quota_cost: quotas begin anew at midnight Pacific Time
LONG_FILM = timedelta(hours=12)  # support.google.com/youtube/answer/71673, for a channel that is verified

# discovery: videos.insert takes video/* up to 274,877,906,944 bytes; of all containers, these are probed here.
_TYPES = ("video/mp4", "video/quicktime", "video/webm")
_CODECS = ("h264", "hevc", "vp8", "vp9", "av1", "mpeg4", "prores")  # support.google.com/youtube/troubleshooter/2888402
_FILM = VideoLimit(
    bytes=274_877_906_944,
    types=_TYPES,
    shortest=timedelta(seconds=1),  # ours: no page names one
    longest=timedelta(minutes=15),  # answer/71673; 12 hours once the channel is verified (`connect.limits`)
    codecs=_CODECS,
)
# support.google.com/youtube/answer/15424877: a Short is square or upright and lasts three minutes at the most.
_SHORT = VideoLimit(
    bytes=_FILM.bytes,
    types=_TYPES,
    shortest=_FILM.shortest,
    longest=timedelta(minutes=3),
    codecs=_CODECS,
    ratio=(0.0, 1.0),
)

SPEC = Spec(
    name="youtube",
    version="v3",
    # v3/docs/videos: the description has 5,000 bytes, and neither < nor >.
    text=(TextLimit(5_000, Unit.UTF8, without="<>"),),
    # v3/docs/videos: the title has 100 characters, and neither < nor >. In which unit is unconfirmed: the strictest one
    # that a reader would still call characters.
    title=TextLimit(100, Unit.UTF16, without="<>"),
    title_needed=True,
    # 10,000 is unconfirmed: v3/docs/commentThreads/insert names the error commentTextTooLong, and no figure.
    comment=TextLimit(10_000, Unit.UTF8),
    # discovery: videos.insert makes a post; nothing else does. Which video is a Short, YouTube says by itself.
    kinds=frozenset({Kind.VIDEO, Kind.REEL}),
    images=None,
    videos={Kind.VIDEO: _FILM, Kind.REEL: _SHORT},
    # using_resumable_upload_protocol, step 4.1: the session of an upload tells what became of it.
    repeat=Repeat.FINDABLE,
    # Where the session is gone, the channel's uploads are looked through, not before they must have been listed.
    absence=Absence.PROVES,
    # data/determine_quota_cost: 100 videos.insert a day and project, all channels together.
    pace=(Pace(100, timedelta(days=1), app=True),),
    edits=True,
    # discovery: captions.insert takes 104,857,600 bytes. How many languages: ours, for no page names a number.
    captions=CaptionLimit(most=100, bytes=104_857_600),
    # support.google.com/youtube/answer/6390658: from some number on, hashtags count for nothing; 15 or 60, unconfirmed.
    tags=15,
    # VideoStatistics of the discovery document; analytics/metrics for the last three (minutes become seconds).
    metrics={
        "viewCount": "views",
        "likeCount": "likes",
        "commentCount": "comments",
        "shares": "shares",
        "estimatedMinutesWatched": "watch_seconds",
        "averageViewDuration": "watched_mean",
    },
    # v3/docs/errors and core_errors: `error.errors[].reason`; the token endpoint has the code in `error`.
    codes=("error.errors.0.reason", "error"),
    errors={
        (401, None): Unauthorized,
        (403, None): Unauthorized,
        (400, "invalid_grant"): Unauthorized,
        (403, "quotaExceeded"): TryLater,
        (403, "dailyLimitExceeded"): TryLater,
        (403, "rateLimitExceeded"): TryLater,
        (403, "userRateLimitExceeded"): TryLater,
        (400, "uploadLimitExceeded"): TryLater,
        (400, "processingFailure"): TryLater,
        (403, "commentsDisabled"): Rejected,
        (400, None): Rejected,
        (404, None): Rejected,
        (409, None): Rejected,
        (413, None): Rejected,
        (429, None): TryLater,
    },
    waits={
        "quotaExceeded": PACIFIC,
        "dailyLimitExceeded": PACIFIC,
        "uploadLimitExceeded": timedelta(days=1),
        "rateLimitExceeded": timedelta(minutes=1),  # ours: no page says how long
        "userRateLimitExceeded": timedelta(minutes=1),
        "uploadRateLimitExceeded": timedelta(minutes=10),
    },
    of_app=frozenset({"quotaExceeded", "dailyLimitExceeded"}),  # quotas are a project's, data/determine_quota_cost
)
