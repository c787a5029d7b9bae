"""What the creator's account allows now: TikTok wants it asked before each post (content-posting-api-get-started)."""

from dataclasses import dataclass

from shared.adapter.contract import Account, Http
from shared.adapter.errors import Rejected
from shared.payload import Payload
from shared.platforms.tiktok.calls import call

PUBLIC = "PUBLIC_TO_EVERYONE"


@dataclass(frozen=True, slots=True)
class Creator:
    """The account's own settings, which a post may not go beyond."""

    privacy: tuple[str, ...]
    longest: float | None
    """Seconds of a video, at the most."""
    no_comments: bool
    no_duets: bool
    no_stitches: bool


async def creator_of(account: Account, http: Http) -> Creator:
    """Ask what the account allows; raises PlatformError, also where it may not post now."""
    told = await call(account, http, "POST", "/post/publish/creator_info/query/", operation="creator_info")
    longest = told.get("max_video_post_duration_sec")
    return Creator(
        privacy=tuple(map(str, told.get("privacy_level_options") or ())),
        longest=float(longest) if isinstance(longest, int | float) and longest > 0 else None,
        no_comments=bool(told.get("comment_disabled")),
        no_duets=bool(told.get("duet_disabled")),
        no_stitches=bool(told.get("stitch_disabled")),
    )


def check(payload: Payload, creator: Creator) -> None:
    """Refuse what the account does not allow; a post that only its author sees would be none. Raises Rejected."""
    if PUBLIC not in creator.privacy:
        allowed = ", ".join(creator.privacy) or "nothing"
        raise Rejected(
            f"tiktok: the account allows {allowed}, not {PUBLIC}; make it public in TikTok, "
            "and have the app audited if it is not (content-sharing-guidelines)"
        )
    for rendition in payload.pieces[0].media:
        if rendition.seconds and creator.longest and rendition.seconds > creator.longest:
            raise Rejected(
                f"tiktok: the account may post videos of {creator.longest:g} seconds, this has {rendition.seconds:g}; "
                "cut it"
            )
