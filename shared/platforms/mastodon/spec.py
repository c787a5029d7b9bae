"""Mastodon as data: the defaults of version 4.7; an instance says its own at /api/v2/instance (`connect.limits`).

Sources: docs.joinmastodon.org, github.com/mastodon/mastodon, and the recorded answers of a 4.7.3 server in Mastodon.py.
"""

from datetime import timedelta

from shared.adapter.errors import Rejected, TryLater, Unauthorized
from shared.adapter.form import NOTHING_OF_ITS_OWN, Permalink
from shared.adapter.spec import (
    Absence,
    Grants,
    ImageLimit,
    Pace,
    PollLimit,
    Safe,
    Spec,
    TextLimit,
    Unit,
    VideoLimit,
    WarningPlace,
)
from shared.content import Kind

SENT_PIXELS = 16_000_000  # ours: a server scales down by itself what it shows; more would only take longer to send

# entities/Instance: video_size_limit 103,809,024, video_frame_rate_limit 120, and video_matrix_limit 8,294,400, that is
# 3840 by 2160. There is no limit of time; a day is ours. Servers encode anew what is not H.264.
VIDEO = VideoLimit(
    bytes=103_809_024,
    types=("video/mp4", "video/webm", "video/quicktime"),
    shortest=timedelta(0),
    longest=timedelta(days=1),
    codecs=("h264", "vp8", "vp9"),
    sides=(1, 3_840),
    rate=(0, 120),
    alt=10_000,
)

_ELSEWHERE = (
    r"(?:[\w-]+\.)*(?:bsky\.app|facebook\.com|fb\.(?:com|watch)|instagram\.com|linkedin\.com|tiktok\.com|twitter\.com"
    r"|x\.com|youtube\.com|youtu\.be)[:/]"
)
"""Hosts whose posts no instance knows."""

SPEC = Spec(
    name="mastodon",
    # StatusLengthValidator: graphemes of warning and text, an address as 23, a remote mention without its domain.
    text=(TextLimit(500, Unit.GRAPHEMES, per_url=23, short_mentions=True),),
    kinds=frozenset(
        {
            Kind.POST,
            Kind.IMAGE,
            Kind.CAROUSEL,
            Kind.VIDEO,
            Kind.THREAD,
            Kind.POLL,
            Kind.REPLY,
            Kind.REPOST,
            Kind.QUOTE,
            Kind.LIVESTREAM,
        }
    ),
    # entities/Instance: max_media_attachments, image_size_limit, image_matrix_limit (33,177,600), description_limit.
    images=ImageLimit(
        most=4, bytes=16_777_216, types=("image/jpeg", "image/png", "image/webp"), pixels=SENT_PIXELS, alt=10_000
    ),
    # user/posting: one video, and no picture beside it.
    videos=dict.fromkeys((Kind.VIDEO, Kind.THREAD, Kind.REPLY, Kind.QUOTE, Kind.LIVESTREAM), VIDEO),
    # methods/statuses: an Idempotency-Key is kept for an hour. A second boost is the first one (reblog_service).
    repeat=Safe(within=timedelta(hours=1)),
    # An account's own statuses are listed from the database they are written to.
    absence=Absence.PROVES,
    # lib/rate_limiter: 300 statuses in 3 hours.
    pace=(Pace(300, timedelta(hours=3)),),
    # entities/Status; there are no impressions.
    metrics={
        "favourites_count": "likes",
        "reblogs_count": "shares",
        "replies_count": "comments",
        "quotes_count": "quotes",
    },
    # api/error_handling: the words are translated, so only the status tells.
    errors={
        (400, None): Rejected,
        (401, None): Unauthorized,
        (403, None): Unauthorized,
        (404, None): Rejected,
        (413, None): Rejected,
        (422, None): Rejected,
        (429, None): TryLater,
        # methods/oauth: what the token endpoint says of a code, and of the application.
        (None, "invalid_grant"): Unauthorized,
        (None, "invalid_client"): Unauthorized,
    },
    edits=True,  # methods/statuses: PUT /api/v1/statuses/:id
    thread=50,  # ours: there is no limit
    # entities/Instance: polls.
    poll=PollLimit(
        options=4,
        option=50,  # PollOptionsValidator: graphemes
        shortest=timedelta(seconds=300),
        longest=timedelta(seconds=2_629_746),
        multiple=True,
    ),
    # A status of any instance, of whatever software: its address is what its server makes it. Threads has some too.
    subject=Permalink(rf"https?://(?!{_ELSEWHERE})[^/\s]+/\S+", "https://mastodon.example/@name/1234"),
    # methods/statuses, reblog: a boost has a visibility and nothing else.
    lacks={Kind.REPOST: NOTHING_OF_ITS_OWN},
    warning=WarningPlace.COUNTED,
    # api/oauth-tokens: a token has no end, and there is nothing to renew it with.
    grants=Grants(refresh_token=False),
)
