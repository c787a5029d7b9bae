"""An imagined audience: follower counts and reactions that are the same for the same account, post and age."""

import hashlib
import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reactions:
    """How often a post was liked, reposted, answered, quoted and bookmarked."""

    likes: int
    reposts: int
    replies: int
    quotes: int
    bookmarks: int


class Audience:
    """Followers by platform and handle: the number that was set, else one derived from the name."""

    def __init__(self) -> None:
        self.set: dict[str, dict[str, int]] = {}

    def followers(self, platform: str, handle: str) -> int:
        """Return the follower count, 500 to 60,499 where none was set."""
        given = self.set.get(platform, {}).get(handle)
        return 500 + _number(f"{platform}/{handle}") % 60_000 if given is None else given

    def countries(self, platform: str, handle: str) -> dict[str, int]:
        """Return how many followers are in which country; the rest is anywhere."""
        followers = self.followers(platform, handle)
        return {"BR": followers // 3, "GR": followers // 5, "IN": followers // 7}

    def ages(self, platform: str, handle: str) -> dict[str, int]:
        """Return how many followers are of which age; the rest does not say."""
        followers = self.followers(platform, handle)
        return {"18-24": followers // 4, "25-34": followers // 3, "35-44": followers // 6}

    def reactions(self, post_id: str, age: float) -> Reactions:
        """Return the reactions of a post after `age` seconds; they grow quickly at first, then ever more slowly."""
        warmth = 1.0 + _number(post_id) % 100 / 10
        interest = math.log1p(max(0.0, age))
        return Reactions(
            likes=int(warmth * interest * 3),
            reposts=int(warmth * interest / 2),
            replies=int(warmth * interest / 4),
            quotes=int(warmth * interest / 10),
            bookmarks=int(warmth * interest / 6),
        )


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big")
