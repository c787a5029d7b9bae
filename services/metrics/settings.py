"""The settings of metrics."""

from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, field_validator

from services.metrics.cadence import ages_of
from shared.settings import Settings

Minutes = Annotated[float, Field(ge=1, le=10_080)]


class MetricsSettings(Settings):
    """What metrics adds to the settings that every process has."""

    measure_ages: str = "1h,3h,6h,1d,2d,7d,30d,90d,365d"
    """The ages at which a post is measured: numbers with `s`, `m`, `h` or `d`, rising, separated by commas."""
    accounts_file: Path = Path("accounts.yaml")
    """The accounts' secrets, by channel, for figures that are not public: a YAML file of the same form as publisher's,
    but metrics' own, with tokens that may only read where a platform has such; re-read when it changes. A channel that
    was connected at publisher is asked about with the token that publisher tells."""
    metrics_private_key: SecretStr | None = None
    """What opens the access tokens that publisher tells (X25519, 64 hexadecimal digits; the other half of publisher's
    `METRICS_PUBLIC_KEY`); without, only `ACCOUNTS_FILE` is used."""
    metrics_private_key_file: Path | None = None
    """A file with this key, used where `METRICS_PRIVATE_KEY` is not set."""
    platform_urls: dict[str, str] = Field(default_factory=dict)
    """Where platforms are, as JSON, when not where the channel registry says: `{"bluesky": "http://…"}`."""
    contact: str = "https://meta.wikimedia.org/wiki/Social_media"
    """What platforms find in our User-Agent, so that they know whom to ask."""
    collect_calls: int = Field(default=4, ge=1, le=50)
    """Batches of posts that a process measures at once."""
    collect_lease_seconds: int = Field(default=300, ge=10, le=3_600)
    """How long a measurement may take before another process may take it over."""
    collect_tries: int = Field(default=10, ge=1, le=100)
    """How often in a row a measurement may fail before the post's next age is waited for."""
    count_channels_off: bool = False
    """Whether the followers of channels are counted whose stance is `off`."""
    hear_calls: int = Field(default=2, ge=1, le=20)
    """Channels of which a process reads replies, mentions and quotes at once."""
    hear_minutes: Minutes = 15
    """How often a channel's replies, mentions and quotes are read, in minutes."""
    hear_minutes_of: dict[str, Minutes] = Field(default_factory=dict)
    """Channels that are read more often or seldom, as JSON: `{"wikipedia/x": 240}`."""
    heard_days: int = Field(default=90, ge=1, le=400)
    """For how many days the texts and authors of what was heard are kept; then they are erased."""

    @field_validator("measure_ages")
    @classmethod
    def _readable(cls, value: str) -> str:
        ages_of(value)
        return value

    @cached_property
    def ages(self) -> tuple[timedelta, ...]:
        """The ages at which a post is measured, rising."""
        return ages_of(self.measure_ages)
