"""What of a post's form a platform declares: which fields a kind lacks, and what the address of a post looks like."""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from urllib.parse import unquote


class Field(StrEnum):
    """A field of a content that the posts of some kind cannot have."""

    TEXT = "text"
    MEDIA = "media"
    LINK = "link"
    POLL = "poll"
    COMMENT = "first_comment"
    WARNING = "content_warning"


NOTHING_OF_ITS_OWN = frozenset(Field)
"""What a repost lacks that shows the other post and nothing else."""


@dataclass(frozen=True)
class Permalink:
    """What the address of a post looks like, so that another post can be about it."""

    pattern: str
    """A regular expression that the whole address matches, percent-encoding undone."""
    example: str
    note: str = ""
    """Where to find the address, if not where a reader would look."""
    stand_in: str | None = None
    """The base address of what stands in for the platform: its posts are below."""

    def leads(self, address: str) -> bool:
        """Say whether an address has the form of a post's; whether the post is there, only the platform knows."""
        if self.stand_in and address.startswith(f"{self.stand_in.rstrip('/')}/"):
            return True
        return self.match(address) is not None

    def match(self, address: str) -> re.Match[str] | None:
        """Return what the pattern finds in an address; None where it is no post's."""
        return self._form.fullmatch(unquote(address))

    @cached_property
    def _form(self) -> re.Pattern[str]:
        return re.compile(self.pattern)
