"""The settings of policy."""

from datetime import timedelta
from typing import Self

from pydantic import Field, IPvAnyNetwork, model_validator

from shared.settings import Settings


class PolicySettings(Settings):
    """What policy adds to the settings that every process has."""

    approval_minutes: int = Field(default=30, ge=2, le=1_440)
    """How long an approval is valid when its post is due; it is renewed before it ends."""
    approval_lead_minutes: int = Field(default=10, ge=1, le=720)
    """How long before `publish_at`, and before an approval ends, the facts are looked at again."""
    fact_grace: int = Field(default=0, ge=0, le=86_400)
    """Seconds that the last facts still count when they cannot be looked up again; with 0 a person is asked."""
    lookup_tries: int = Field(default=6, ge=1, le=20)
    """How often a look-up is tried before it counts as failed: after 2, 4, 8 … seconds, so about a minute with 6."""
    lookup_lease_seconds: int = Field(default=60, ge=5, le=3_600)
    """How long a look-up may take before another process may take it over."""
    lookup_calls: int = Field(default=2, ge=1, le=20)
    """Look-ups under way at once in a process; Wikimedia asks for few."""
    contact: str = "https://meta.wikimedia.org/wiki/Social_media"
    """What Wikimedia finds in our User-Agent, so that it knows whom to ask."""
    commons_url: str = "https://commons.wikimedia.org/w/api.php"
    """The API at which Commons is asked about files."""
    commons_networks: tuple[IPvAnyNetwork, ...] = ()
    """Networks where Commons may be besides public ones, as JSON: `["172.18.0.0/16"]`.

    An IP address in `COMMONS_URL` needs no entry.
    """

    @model_validator(mode="after")
    def _in_time(self) -> Self:
        if self.approval_lead_minutes >= self.approval_minutes:
            raise ValueError("APPROVAL_LEAD_MINUTES must be less than APPROVAL_MINUTES, or approvals end unrenewed")
        return self

    @property
    def approval(self) -> timedelta:
        """How long an approval is valid."""
        return timedelta(minutes=self.approval_minutes)

    @property
    def approval_lead(self) -> timedelta:
        """How early it is renewed."""
        return timedelta(minutes=self.approval_lead_minutes)
