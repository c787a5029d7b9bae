"""The settings of publisher."""

from datetime import timedelta
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator

from shared.settings import Settings


class PublisherSettings(Settings):
    """What publisher needs to know besides what every process does."""

    accounts_file: Path = Path("accounts.yaml")
    """The secrets of channels that nobody connected over the API, by channel: a YAML file that only publisher may read,
    re-read when it changes. A channel that was connected is not looked up here."""
    account_keys: SecretStr | None = None
    """What grants are sealed with in the database: keys of 64 hexadecimal digits each, separated by commas; the first
    one seals, all of them open. Without, no account can be connected over the API."""
    account_keys_file: Path | None = None
    """A file with these keys, one a line, used where `ACCOUNT_KEYS` is not set."""
    apps_file: Path = Path("apps.yaml")
    """Carillon as the platforms' developer consoles know it, by platform: `client_id`, `client_secret`, `redirect_uri`,
    and `scopes` where others are wanted; a YAML file, re-read when it changes."""
    metrics_public_key: str | None = None
    """To what access tokens are sealed for metrics (X25519, 64 hexadecimal digits; `python -m shared.box` makes a
    pair); without, metrics is told of none and measures with its own `ACCOUNTS_FILE` only."""
    metrics_public_key_file: Path | None = None
    """A file with this key, used where `METRICS_PUBLIC_KEY` is not set."""
    expiring_days: float = Field(default=14, gt=0, le=90)
    """How many days before its owner must let us in again an account counts as `expiring`."""
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
    reconcile_seconds: float = Field(default=120.0, gt=0)
    """How long after a try its post's absence begins to count; the platform's own lag comes on top."""
    lag_seconds: float | None = Field(default=None, ge=0)
    """A platform's lag, in place of what its spec says: for rehearsals at another speed."""
    linger_seconds: float = Field(default=3600.0, gt=0)
    """How long after its last moment a post that a platform is still at is waited for; then a person is asked."""
    stale_seconds: float = Field(default=600.0, ge=0)
    """A post whose time was longer ago than this when its hold is released needs approval again."""
    breaker_failures: int = Field(default=5, ge=1)
    """Failures in a row after which a platform is left alone for a while."""
    breaker_seconds: float = Field(default=30.0, gt=0)
    """For how long the first time; twice as long each time, ten minutes at the most."""
    usage_seconds: float = Field(default=300.0, gt=0)
    """How often a platform is asked what is used of an account's quota, and what others posted, before we publish."""
    rewake_seconds: float = Field(default=60.0, gt=0)
    """When a due post that nobody claimed is announced again."""
    most_tries: int = Field(default=12, ge=1)
    """How often a call that certainly failed is made again before the post has failed."""
    limits_hours: float = Field(default=6.0, gt=0, le=168)
    """How often what a channel's account or instance allows is read, in hours; also when a worker starts."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.http_seconds < self.trust_seconds < self.lease_seconds < self.reconcile_seconds:
            names = "HTTP_SECONDS, TRUST_SECONDS, LEASE_SECONDS, RECONCILE_SECONDS"
            raise ValueError(f"{names} must each be less than the next")
        return self

    def proof_after(self, lag: timedelta) -> float:
        """Return the seconds after a try from which on its absence counts."""
        return self.reconcile_seconds + (lag.total_seconds() if self.lag_seconds is None else self.lag_seconds)
