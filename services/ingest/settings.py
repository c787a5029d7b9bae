"""The settings of ingest, besides those that every process has."""

from pydantic import Field, IPvAnyNetwork

from shared.settings import Settings


class IngestSettings(Settings):
    """Read from the environment, each under its own name in capitals."""

    idempotency_days: int = Field(default=7, ge=1, le=365)
    """How long an Idempotency-Key is remembered: a call repeated within this time gets its first answer again."""
    person_days: int = Field(default=90, ge=1, le=3_650)
    """How long the name of the person behind a request is kept; then it is erased."""
    past_tolerance_seconds: float = Field(default=60.0, ge=0, le=3_600)
    """How far `publish_at` may lie in the past: clocks differ, and requests travel."""
    furthest_days: int = Field(default=400, ge=1, le=3_650)
    """How far ahead a post may be scheduled."""
    request_bytes: int = Field(default=1_000_000, ge=10_000, le=16_000_000)
    """Bytes that a request's body may have."""
    upload_bytes: int = Field(default=50_000_000, ge=1_000, le=100_000_000)
    """Bytes that an uploaded file may have."""
    upload_hours: int = Field(default=24, ge=1, le=720)
    """How long an announced upload waits for its bytes."""
    platform_urls: dict[str, str] = Field(default_factory=dict)
    """What stands in for platforms, as JSON: posts below these addresses can be replied to, reposted and quoted too."""
    commons_url: str = "https://commons.wikimedia.org/w/api.php"
    """The API at which Commons is asked about files; the sandbox stands in for it."""
    commons_networks: tuple[IPvAnyNetwork, ...] = ()
    """Networks where Commons may be besides public ones, as JSON: `["172.18.0.0/16"]`.

    An IP address in `COMMONS_URL` needs no entry.
    """
    commons_fresh_seconds: int = Field(default=3_600, ge=0)
    """How long a fetched Commons file is used again without asking Commons."""
    commons_calls: int = Field(default=2, ge=1, le=10)
    """Files fetched at once by a process; Wikimedia asks for two connections at the most."""
    contact: str = "https://meta.wikimedia.org/wiki/Social_media"
    """Page or address of who runs this: Wikimedia wants it in the User-Agent."""
    prepare_lease_seconds: int = Field(default=300, ge=10)
    """How long a process may take to prepare a post before another tries."""
    prepare_give_up_hours: int = Field(default=24, ge=1)
    """How long the media of a post without a date are tried for; with one, until it is due."""
    ask_again_seconds: int = Field(default=300, ge=5)
    """After how long a post that nobody answered for is asked for again."""
