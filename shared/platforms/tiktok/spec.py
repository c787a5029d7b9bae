"""TikTok as data: the Content Posting API v2 and the Display API v2.

Pages are those of developers.tiktok.com/doc; "unconfirmed" is what none of them says.
"""

from datetime import timedelta

from shared.adapter.errors import Rejected, TryLater, Unauthorized
from shared.adapter.spec import Absence, ImageLimit, Pace, Repeat, Spec, TextLimit, Unit, VideoLimit
from shared.content import Kind

HOME = "https://open.tiktokapis.com"
LONGEST = timedelta(minutes=10)

_PHOTOS = frozenset({Kind.IMAGE, Kind.CAROUSEL})
_FILMS = frozenset({Kind.VIDEO, Kind.REEL})

# content-posting-api-media-transfer-guide: MP4, MOV, WebM; H.264, H.265, VP8, VP9; 4 GB, read as decimal, which is the
# less (unconfirmed which is meant); 23 to 60 frames a second; sides of 360 to 4,096 pixels; 10 minutes, or what the
# creator's account allows (`connect.limits`). That a video lasts 3 seconds at the least is unconfirmed.
_VIDEO = VideoLimit(
    bytes=4_000_000_000,
    types=("video/mp4", "video/quicktime", "video/webm"),
    shortest=timedelta(seconds=3),
    longest=LONGEST,
    codecs=("h264", "hevc", "vp8", "vp9"),
    sides=(360, 4_096),
    rate=(23, 60),
)

SPEC = Spec(
    name="tiktok",
    version="v2",
    text=(
        # content-posting-api-reference-photo-post: description, 4,000 UTF-16 runes.
        TextLimit(4_000, Unit.UTF16, kinds=_PHOTOS),
        # content-posting-api-reference-direct-post: title, which is the caption, 2,200 UTF-16 runes.
        TextLimit(2_200, Unit.UTF16, kinds=_FILMS),
    ),
    # content-posting-api-reference-photo-post: title, 90 UTF-16 runes; videos have none beside their caption.
    title=TextLimit(90, Unit.UTF16, kinds=_PHOTOS),
    kinds=_PHOTOS | _FILMS,
    # content-posting-api-reference-photo-post: 35 photos. content-posting-api-media-transfer-guide: JPEG or WebP,
    # 20 MB, "1080p". How that is counted is unconfirmed, so neither the shorter side passes 1,080 nor the longer one
    # 1,920: a picture of as many pixels as 1,080 × 1,080 has no shorter side that does. There is no field for
    # alternative texts.
    images=ImageLimit(
        most=35, bytes=20_000_000, types=("image/jpeg", "image/webp"), pixels=1_080 * 1_080, side=1_920, alt=0
    ),
    videos={Kind.VIDEO: _VIDEO, Kind.REEL: _VIDEO},
    pulls=True,  # photos; videos are uploaded
    # A publish_id says what became of its post; a photo post whose publish_id was never seen can only be looked for
    # among the account's videos, where photos appear after moderation, if at all (unconfirmed).
    repeat=Repeat.FINDABLE,
    absence=Absence.ASK,
    # 6 inits a minute for each token (both reference pages); about 15 posts a day for each creator, all apps together
    # (content-sharing-guidelines; "typically", so unconfirmed for any one account).
    pace=(Pace(6, timedelta(minutes=1)), Pace(15, timedelta(days=1))),
    # tiktok-api-v2-video-object.
    metrics={
        "view_count": "views",
        "like_count": "likes",
        "comment_count": "comments",
        "share_count": "shares",
    },
    # tiktok-api-v2-error-handling, the error tables of the reference pages, and the fail reasons of
    # content-posting-api-reference-get-video-status. `internal_error` is missing on purpose: after a call that makes
    # something public it leaves open whether it did, as any failure of a server does.
    errors={
        (None, "access_token_invalid"): Unauthorized,
        (None, "scope_not_authorized"): Unauthorized,
        (None, "scope_permission_missed"): Unauthorized,
        (None, "token_not_authorized_for_specified_publish_id"): Unauthorized,
        (None, "auth_removed"): Unauthorized,
        (None, "rate_limit_exceeded"): TryLater,
        (None, "spam_risk_too_many_posts"): TryLater,
        (None, "spam_risk_too_many_pending_share"): TryLater,
        (None, "reached_active_user_cap"): TryLater,
        (None, "internal"): TryLater,  # a fail reason: it certainly failed
        (None, "photo_pull_failed"): TryLater,
        (None, "video_pull_failed"): TryLater,
        (None, "invalid_param"): Rejected,
        (None, "invalid_params"): Rejected,
        (None, "invalid_publish_id"): Rejected,
        (None, "invalid_file_upload"): Rejected,
        (None, "privacy_level_option_mismatch"): Rejected,
        (None, "unaudited_client_can_only_post_to_private_accounts"): Rejected,
        (None, "url_ownership_unverified"): Rejected,
        (None, "spam_risk"): Rejected,
        (None, "spam_risk_text"): Rejected,
        (None, "spam_risk_user_banned_from_posting"): Rejected,
        (None, "file_format_check_failed"): Rejected,
        (None, "duration_check_failed"): Rejected,
        (None, "frame_rate_check_failed"): Rejected,
        (None, "picture_size_check_failed"): Rejected,
        (None, "publish_cancelled"): Rejected,
        (429, None): TryLater,
    },
    codes=("error.code", "error"),
    # tiktok-api-v2-rate-limit: a sliding minute, and no header. The caps are of 24 hours that began some time before.
    waits={
        "rate_limit_exceeded": timedelta(minutes=1),
        "spam_risk_too_many_posts": timedelta(hours=3),
        "spam_risk_too_many_pending_share": timedelta(hours=3),
        "reached_active_user_cap": timedelta(hours=3),
    },
    deletes=False,
    edits=False,
    replies=False,
)
