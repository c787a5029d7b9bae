"""The settings that every process has; each service adds its own."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Read from the environment, each under its own name in capitals; `docs/settings.md` lists them all."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", use_attribute_docstrings=True, frozen=True)

    namespace: str = Field(default="carillon", pattern=r"^[a-z][a-z0-9_]{0,30}$")
    """Begins the name of every database (`carillon_ingest`) and queue, so that two runs never meet on one server."""
    database_url: SecretStr = SecretStr("postgresql://carillon:carillon@localhost:5432")
    """The PostgreSQL server; the database of each service is named after `NAMESPACE`."""
    amqp_url: SecretStr = SecretStr("amqp://guest:guest@localhost:5672/%2F")
    """The RabbitMQ server."""
    media_url: str = "file://./.local/media"
    """Where media are kept: `file:///path` or `s3://bucket/prefix`."""
    media_public_url: str | None = None
    """Where the world reaches ingest's `media` process; platforms that fetch media need it: `https://media.example.org`."""
    media_key: SecretStr | None = None
    """What public addresses of media are signed with: a secret of 32 characters or more, the same for all processes."""
    media_hours: int = Field(default=24, ge=1, le=168)
    """For how many hours such an address is good."""
    config_dir: Path = Path("config")
    """The folder of `channels.yaml` and `strategy.yaml`, re-read when they change."""
    host: str = "127.0.0.1"
    """The address on which APIs and health checks listen; containers set `0.0.0.0`."""
    port: int = Field(default=0, ge=0, le=65535)
    """The port of this process's API and health checks; 0 takes a free one and logs it."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """How much is logged."""
    log_format: Literal["json", "text"] = "json"
    """`json` for machines, `text` for people."""
    jwt_key_file: Path | None = None
    """The public key (PEM, Ed25519) that service tokens are checked with."""
    jwks_url: str | None = None
    """Where an identity provider publishes its keys; used instead of `JWT_KEY_FILE`."""
    jwt_audience: str = "carillon"
    """Whom tokens must be meant for."""
    jwt_issuer: str | None = None
    """Who must have issued a token; unset, anyone who holds the key."""
    shutdown_seconds: float = Field(default=60.0, gt=0)
    """How long work under way may take to finish after SIGTERM."""
    database_pool: int = Field(default=8, ge=2, le=100)
    """Connections to the database that a process keeps at the most."""
    consume_prefetch: int = Field(default=200, ge=1, le=2_000)
    """Messages that a consumer holds unacked at the most."""
    consume_group: int = Field(default=50, ge=1, le=500)
    """Messages that one transaction handles at the most."""
    poison_attempts: int = Field(default=5, ge=1, le=50)
    """How often a message may fail before it goes to the dead letters."""
    relay_batch: int = Field(default=100, ge=1, le=1_000)
    """Events that one round of the relay publishes at the most."""
    relay_sweep_seconds: float = Field(default=1.0, gt=0)
    """How long the relay sleeps at the most when nobody wakes it; the actual time is jittered."""
    rehearsal: bool = False
    """Whether this is a rehearsal, on the sandbox: only then may `FAILPOINT` be set."""
    failpoint: str | None = None
    """Where this process is interrupted, to see what comes of it: `deliver.after_call:kill@8`; see `make chaos`."""
    inbox_days: int = Field(default=30, ge=1)
    """How long a handled event is remembered, so that a late duplicate is still recognised."""


class WrongSettingError(Exception):
    """A setting cannot be used; it says which one and what would help, never its value."""

    def __init__(self, name: str, remedy: str) -> None:
        super().__init__(f"{name}: {remedy}")
