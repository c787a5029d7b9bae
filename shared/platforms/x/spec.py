"""X as data: API version 2, for an account without a subscription and an app that pays by use.

Sources: pages of docs.x.com, named by their titles, and its openapi.json (version 2.167, August 2026);
twitter-text's config/v3.json. "Unconfirmed" says that no page of X tells it: the careful value is taken.
"""

from datetime import timedelta

from shared.adapter.errors import Rejected, TryLater, Unauthorized
from shared.adapter.form import NOTHING_OF_ITS_OWN, Field, Permalink
from shared.adapter.spec import (
    Absence,
    CreditPlace,
    ImageLimit,
    Pace,
    PollLimit,
    Repeat,
    Spec,
    TextLimit,
    Unit,
    VideoLimit,
    WarningPlace,
)
from shared.content import Kind

HOME = "https://api.x.com"
SITE = "https://x.com"
SITES = r"(?i:https?://(?:www\.|mobile\.)?(?:x|twitter)\.com)"
STATUS = r"/(?:i/web|i|[A-Za-z0-9_.-]{1,60})/status(?:es)?/([0-9]{1,19})(?:[/?#].*)?"
"""The path of a post's address, seen in examples (Data dictionary); the group is its id."""

# Media best practices: 512 MB, 0.5 to 140 seconds, 60 frames a second at the most, sides 32 to 1280 (and 1024, which is
# taken either way round), ratio 1:3 to 3:1, H.264. An alternative text of a video: unconfirmed, so none.
VIDEO = VideoLimit(
    bytes=512 * 1024 * 1024,
    types=("video/mp4", "video/quicktime"),
    shortest=timedelta(seconds=0.5),
    longest=timedelta(seconds=140),
    ratio=(1 / 3, 3.0),
    sides=(32, 1280),
    rate=(1.0, 60.0),
)

SPEC = Spec(
    name="x",
    version="2",
    # Counting characters: 280 by weight, after NFC; an address 23, `wikipedia.org` alone too (twitter-text).
    # Subscribers may write 25,000 (Changelog, 2024-08-20); who is unconfirmed: an account's limit `text` says it.
    text=(TextLimit(280, Unit.WEIGHTED, per_url=23, bare_domains=True),),
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
    # Media best practices: 4 pictures of 5 MB (GIFs, which move, are left out). Create media metadata: alt 1,000.
    images=ImageLimit(
        most=4, bytes=5 * 1024 * 1024, types=("image/jpeg", "image/png", "image/webp"), side=4_096, alt=1_000
    ),
    videos=dict.fromkeys((Kind.VIDEO, Kind.THREAD, Kind.REPLY, Kind.LIVESTREAM), VIDEO),
    # Create Posts has neither a key nor an id of the caller's. A timeline may lag (unconfirmed): finding nothing proves
    # nothing.
    repeat=Repeat.FINDABLE,
    absence=Absence.ASK,
    # Rate limits: 100 creations in 15 minutes; Manage Posts, integration guide: 200, and 300 in 3 hours with reposts.
    # They contradict each other, so the lower one of each. The whole app has 10,000 a day.
    pace=(Pace(100, timedelta(minutes=15)), Pace(300, timedelta(hours=3))),
    # Metrics; openapi.json says repost_count, the pages say retweet_count.
    metrics={
        "impression_count": "views",
        "like_count": "likes",
        "reply_count": "comments",
        "repost_count": "shares",
        "retweet_count": "shares",
        "quote_count": "quotes",
        "bookmark_count": "saves",
        "url_link_clicks": "clicks",
    },
    # Response codes & errors. 402 says that the app's credit is used up (unconfirmed): a person pays, the post waits.
    errors={
        (400, None): Rejected,
        (401, None): Unauthorized,
        (402, None): TryLater,
        (403, "client-forbidden"): Unauthorized,
        (403, "oauth1-permissions"): Unauthorized,
        (403, None): Rejected,
        (404, None): Rejected,
        (413, None): Rejected,
        (429, "usage-capped"): TryLater,
        (429, None): TryLater,
    },
    codes=("type", "errors.0.type", "code"),
    waits={"usage-capped": timedelta(hours=6), "credits": timedelta(hours=1)},
    of_app=frozenset({"usage-capped", "credits"}),
    edits=True,  # Changelog, 2025: accounts with Premium, within 30 minutes (or an hour: the pages differ)
    thread=25,  # ours: no page names a limit
    # Create Posts: 2 to 4 options, 5 to 10,080 minutes. An option has 25 characters by `maxLength` of openapi.json,
    # which JSON Schema counts in code points; that they have weights as those of a text do, no page says.
    poll=PollLimit(
        options=4,
        option=25,
        shortest=timedelta(minutes=5),
        longest=timedelta(minutes=10_080),
        unit=Unit.CODE_POINTS,
    ),
    subject=Permalink(SITES + STATUS, "https://x.com/wikipedia/status/20"),
    # Create Posts: media, poll and quote exclude each other. Repost Post: the body is the id of a post.
    lacks={Kind.REPOST: NOTHING_OF_ITS_OWN, Kind.QUOTE: frozenset({Field.MEDIA, Field.POLL})},
    # The credit stands in the text: it goes with the picture into every repost, quote and embedding, as licences ask.
    # As a reply it would be another billed post that stays behind, and one in alternative texts is seen by few.
    credit=CreditPlace.TEXT,
    # A picture can be marked as sensitive, but there is no field for the words.
    warning=WarningPlace.TEXT,
    comment=None,  # the account's own reply is the second part of a thread: ask for one
)
