"""What can be set about the sandbox: by argument, or by an environment variable that starts with SANDBOX_."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """How this sandbox behaves; every field has a default that suits a rehearsal."""

    model_config = SettingsConfigDict(env_prefix="SANDBOX_", extra="ignore")

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8090, ge=0, le=65535, description="port to listen on")
    public_url: str | None = Field(None, description="own address in answers; default: the Host of each request")
    quotas: Literal["real", "open"] = Field("real", description="the platforms' own rate limits, or none at all")
    samples: Path = Field(
        Path("deploy/samples"), description="folder with commons/*.json and media/*, shown as Wikimedia Commons"
    )
    processing_seconds: float = Field(1.0, ge=0, description="how long a platform takes to process a video")
    requests_kept: int = Field(10_000, ge=1, description="how many requests the request log remembers")
    media_bytes_kept: int = Field(256_000_000, ge=0, description="how much uploaded media stays readable, in bytes")
    bluesky_blob_limit: int = Field(52_428_800, ge=1, description="largest Bluesky blob, in bytes")
    mastodon_characters: int = Field(
        500, ge=1, description="longest text that the Mastodon server takes, in characters"
    )
    seed: str = Field("carillon", description="what account ids and session signatures are derived from")
