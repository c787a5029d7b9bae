"""The settings of publisher."""

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from shared.settings import Settings


class PublisherSettings(Settings):
    """What publisher needs to know besides what every process does."""

    accounts_file: Path = Path("accounts.yaml")
    """The accounts' secrets, by channel: a YAML file that only publisher may read, re-read when it changes."""
    platform_urls: dict[str, str] = Field(default_factory=dict)
    """Where platforms are, as JSON, when not where the channel registry says: `{"bluesky": "http://…"}`."""
    contact: str = "https://meta.wikimedia.org/wiki/Social_media"
    """What platforms find in our User-Agent, so that they know whom to ask."""
    concurrency: int = Field(default=16, ge=1, le=200)
    """Calls to its platform that one worker makes at once."""
    http_seconds: float = Field(default=45.0, gt=0)
    """How long one HTTP call may take."""
    trust_seconds: float = Field(default=60.0, gt=0)
    """How long after its claim a worker may still begin a call."""
    lease_seconds: float = Field(default=90.0, gt=0)
    """How long after its claim a delivery belongs to its worker; then others look what became of it."""
    rewake_seconds: float = Field(default=60.0, gt=0)
    """When a due post that nobody claimed is announced again."""
    most_tries: int = Field(default=12, ge=1)
    """How often a call that certainly failed is made again before the post has failed."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.http_seconds < self.trust_seconds < self.lease_seconds:
            raise ValueError("HTTP_SECONDS must be less than TRUST_SECONDS, and that less than LEASE_SECONDS")
        return self
