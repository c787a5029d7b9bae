"""Bluesky as data. Sources: the lexicons at github.com/bluesky-social/atproto, docs.bsky.app, and a real server."""

from datetime import timedelta

from shared.adapter.errors import Rejected, TryLater, Unauthorized
from shared.adapter.form import NOTHING_OF_ITS_OWN, Permalink
from shared.adapter.spec import (
    Absence,
    CaptionLimit,
    Grants,
    ImageLimit,
    Pace,
    Safe,
    Spec,
    TextLimit,
    Unit,
    VideoLimit,
    WarningPlace,
)
from shared.content import Kind

_TYPES = ("image/jpeg", "image/png", "image/webp")
_SIDE = 2_000  # ours: the lexicon has no limit of pixels, and no client shows more

# app.bsky.embed.video: mp4, alt of 1,000 graphemes; the newest lexicon takes 300,000,000 bytes, but whether the service
# takes more than 100,000,000 in one call is unconfirmed, and so are the three minutes: no page names a longest time.
VIDEO = VideoLimit(
    bytes=100_000_000, types=("video/mp4",), shortest=timedelta(0), longest=timedelta(minutes=3), alt=1_000
)

# The app's own addresses; the groups are handle (or DID) and record key.
ADDRESS = Permalink(
    r"https://bsky\.app/profile/([^/\s]+)/post/([a-z0-9]+)/?(?:[?#].*)?",
    "https://bsky.app/profile/wikipedia.org/post/3k2akyxy2tk2s",
)

SPEC = Spec(
    name="bluesky",
    # app.bsky.feed.post: maxGraphemes 300, maxLength 3000 (bytes); addresses count in full.
    text=(TextLimit(300, Unit.GRAPHEMES), TextLimit(3_000, Unit.UTF8)),
    kinds=frozenset(
        {
            Kind.POST,
            Kind.IMAGE,
            Kind.CAROUSEL,
            Kind.VIDEO,
            Kind.THREAD,
            Kind.REPLY,
            Kind.REPOST,
            Kind.QUOTE,
            Kind.LIVESTREAM,
        }
    ),
    # app.bsky.embed.images: 4 images of 2,000,000 bytes; the app's own limit of an alternative text is 2,000.
    images=ImageLimit(most=4, bytes=2_000_000, types=_TYPES, side=_SIDE, alt=2_000),
    # app.bsky.embed.video is an embed of its own: one video, and no picture beside it.
    videos=dict.fromkeys((Kind.VIDEO, Kind.THREAD, Kind.REPLY, Kind.QUOTE, Kind.LIVESTREAM), VIDEO),
    # putRecord at a key of our own with swapRecord null: the same again changes nothing, another record is refused.
    repeat=Safe(),
    # com.atproto.repo.getRecord reads the repository itself.
    absence=Absence.PROVES,
    # docs.bsky.app/docs/advanced-guides/rate-limits: 5,000 points an hour, 35,000 a day; a creation costs 3.
    pace=(Pace(1_666, timedelta(hours=1)), Pace(11_666, timedelta(days=1))),
    # app.bsky.feed.defs#postView; there are no impressions.
    metrics={
        "likeCount": "likes",
        "repostCount": "shares",
        "replyCount": "comments",
        "quoteCount": "quotes",
        "bookmarkCount": "saves",
    },
    # atproto.com/specs/xrpc, and the codes that the reference server answers.
    errors={
        (400, "ExpiredToken"): Unauthorized,
        (400, "InvalidToken"): Unauthorized,
        (401, None): Unauthorized,
        (400, "AccountTakedown"): Unauthorized,
        (400, "AccountDeactivated"): Unauthorized,
        (400, "InvalidRequest"): Rejected,
        (400, "InvalidSwap"): Rejected,
        (400, "BlobNotFound"): TryLater,  # an upload that nothing refers to is dropped after a while; it is made again
        (413, None): Rejected,
        (429, None): TryLater,
    },
    edits=False,  # putRecord changes the record, but whether bsky.app shows the change is unconfirmed
    thread=50,  # ours: there is no limit
    tag=64,  # app.bsky.richtext.facet#tag: maxGraphemes 64
    # app.bsky.embed.video: 20 files of captions, of 20,000 bytes each.
    captions=CaptionLimit(most=20, bytes=20_000),
    subject=ADDRESS,
    # app.bsky.feed.repost has a subject and no text.
    lacks={Kind.REPOST: NOTHING_OF_ITS_OWN},
    card=True,
    # app.bsky.embed.external: thumb of 1,000,000 bytes.
    thumbnail=ImageLimit(most=1, bytes=1_000_000, types=_TYPES, side=_SIDE),
    # Labels know four fixed words only, so a warning in words stands at the head of the text.
    warning=WarningPlace.TEXT,
    # com.atproto.server.createSession: who has an app password is let in.
    grants=Grants(app=False),
)
