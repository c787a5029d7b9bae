"""Threads as data: version 1.0 of its API, the only one.

Sources: developers.facebook.com/docs/threads, by page; what no page there says is marked unconfirmed.
"""

from datetime import timedelta

from shared.adapter.errors import Rejected, TryLater, Unauthorized, Uncertain
from shared.adapter.form import NOTHING_OF_ITS_OWN, Permalink
from shared.adapter.spec import Absence, Grants, ImageLimit, Pace, PollLimit, Repeat, Spec, TextLimit, Unit, VideoLimit
from shared.content import Kind

DAY = timedelta(days=1)
POST = r"/@([\w.-]+)/post/([\w-]+)/?(?:[?#].*)?"
"""The path of a post's address; the groups are handle and shortcode."""
ALT = 1_000  # reference/publishing: alt_text

# overview, limitations: 500 characters; emoji count as their UTF-8 bytes.
TEXT = TextLimit(500, Unit.EMOJI_BYTES)

VIDEO = VideoLimit(  # overview, video specifications
    bytes=1_000_000_000,  # 1 GB: taken for the smaller of its two readings
    types=("video/mp4", "video/quicktime"),
    shortest=timedelta(seconds=1),  # ours: the page says longer than nothing
    longest=timedelta(seconds=300),
    codecs=("h264", "hevc"),
    ratio=(0.01, 10.0),
    sides=(1, 1_920),  # the page limits columns only
    rate=(23.0, 60.0),
    alt=ALT,
)
CAROUSEL = 20  # posts: 2 to 20 pictures and videos, mixed as one likes

SPEC = Spec(
    name="threads",
    version="v1.0",
    text=(TEXT,),
    comment=TEXT,
    kinds=frozenset(
        {
            Kind.POST,
            Kind.IMAGE,
            Kind.VIDEO,
            Kind.CAROUSEL,
            Kind.THREAD,
            Kind.POLL,
            Kind.REPLY,
            Kind.QUOTE,
            Kind.REPOST,
            Kind.LIVESTREAM,
        }
    ),
    # overview, image specifications: 8 MB, 10:1; a width outside of 320 to 1440 is scaled by the platform.
    images=ImageLimit(
        most=CAROUSEL,
        bytes=8_000_000,
        types=("image/jpeg", "image/png"),
        width=1_440,
        alt=ALT,
        ratio=(0.1, 10.0),
    ),
    videos={
        **dict.fromkeys((Kind.VIDEO, Kind.THREAD, Kind.REPLY, Kind.QUOTE, Kind.LIVESTREAM), VIDEO),
        Kind.CAROUSEL: VideoLimit(
            bytes=VIDEO.bytes,
            types=VIDEO.types,
            shortest=VIDEO.shortest,
            longest=VIDEO.longest,
            codecs=VIDEO.codecs,
            ratio=VIDEO.ratio,
            sides=VIDEO.sides,
            rate=VIDEO.rate,
            most=CAROUSEL,
            alt=ALT,
        ),
    },
    pulls=True,  # posts: media are fetched from a public server
    # There is no key that makes a repeat harmless; what a second threads_publish of a container does is unconfirmed.
    repeat=Repeat.FINDABLE,
    # troubleshooting: a container that was published says PUBLISHED; `publish` looks at it for minutes before it is
    # sent again, and an account's own posts are listed whole.
    absence=Absence.PROVES,
    # overview, rate limiting: 250 posts in 24 hours, moving; replies have 1,000 of their own.
    pace=(Pace(250, DAY),),
    quotas=True,
    # reference/insights. `shares` is theirs for sending a post on, still in development: ours are their reposts.
    metrics={
        "views": "views",
        "likes": "likes",
        "replies": "comments",
        "reposts": "shares",
        "quotes": "quotes",
    },
    codes=("error.code/error.error_subcode", "error.error_subcode", "error.code", "code"),
    # Graph API, guides/error-handling; on this host all but 190, 24 and 100 are unconfirmed.
    errors={
        (None, "190"): Unauthorized,
        (None, "10"): Unauthorized,
        **{(None, str(code)): Unauthorized for code in range(200, 300)},
        (None, "2207051"): Unauthorized,  # what the account does is restricted: no post of its goes out; unconfirmed
        (None, "4279013"): Unauthorized,  # the user is restricted; unconfirmed
        (None, "4"): TryLater,
        (None, "17"): TryLater,
        (None, "32"): TryLater,
        (None, "613"): TryLater,
        (None, "24/4279009"): TryLater,  # the container is not to be found, or not yet: `sending.py` knows
        (None, "1"): Uncertain,
        (None, "2"): Uncertain,
        (None, "100"): Rejected,
        (400, "400"): Unauthorized,  # get-access-tokens: the code was not found or already used
        (401, None): Unauthorized,
        (408, None): Uncertain,
        (409, None): Uncertain,
    },
    # No page says when a limit ends, or in which header: an hour of a moving day is unconfirmed, and gentle.
    waits={
        **dict.fromkeys(("4", "17", "32", "613"), timedelta(hours=1)),
        "24/4279009": timedelta(seconds=10),
    },
    of_app=frozenset({"4"}),  # of Meta's codes of limits, 4 is the app's, 17 the user's, 32 the page's
    thread=50,  # ours: there is no limit but that of replies
    tag=50,  # posts, topic tags: the first one in the text is the post's topic, all others stay text
    links=5,  # posts: different ones in text and attachment, else THREADS_API__LINK_LIMIT_EXCEEDED
    # create-posts/polls: 2 to 4 options of 25 characters. There is no parameter for the time; a day is unconfirmed, and
    # so is that emoji count as they do in a text: the larger count is the careful one.
    poll=PollLimit(options=4, option=25, shortest=DAY, longest=DAY, unit=Unit.EMOJI_BYTES),
    subject=Permalink(
        rf"https://(?:www\.)?threads\.(?:net|com){POST}", "https://www.threads.com/@wikipedia/post/C8dEfGhIjKl"
    ),
    # posts/reposts: the call takes no parameters.
    lacks={Kind.REPOST: NOTHING_OF_ITS_OWN},
    card=True,  # posts, links: link_attachment leaves the address out of the text; Threads itself makes the preview
    # long-lived-tokens: a token renews itself once it is a day old; what the owner granted lasts for 90 days.
    grants=Grants(refresh_token=False, youngest=DAY, consent=timedelta(days=90)),
)
