"""The processes of Carillon, each once, and the settings by which they find one another on one machine."""

import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from secrets import token_hex

import yaml

from deploy.credentials import sandbox_accounts, sandbox_apps
from shared.box import new_pair
from shared.channels import load
from shared.events import Trust
from shared.http.auth import SCOPES
from shared.http.token import issue, make_key_pair
from shared.platforms import specs

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "deploy" / "samples"

PLATFORMS = tuple(specs())
WORKERS: Mapping[str, tuple[str, ...]] = {f"publisher-{name}": ("publisher", "worker", name) for name in PLATFORMS}
PROGRAMS: Mapping[str, tuple[str, ...]] = {
    "ingest-api": ("ingest", "api"),
    "ingest-worker": ("ingest", "worker"),
    "ingest-media": ("ingest", "media"),
    "policy-api": ("policy", "api"),
    "policy-worker": ("policy", "worker"),
    "publisher-api": ("publisher", "api"),
    "publisher-planner": ("publisher", "planner"),
    "publisher-scheduler": ("publisher", "scheduler"),
    "publisher-refresher": ("publisher", "refresher"),
    **WORKERS,
    "metrics-api": ("metrics", "api"),
    "metrics-worker": ("metrics", "worker"),
}
"""Name of a process → service and what follows on its command line."""

TWO = {
    name: words
    for name, words in PROGRAMS.items()
    if name not in WORKERS or name in {"publisher-bluesky", "publisher-mastodon"}
}
"""Of the platforms, only those two: for what is about the pipeline, whatever platforms there are."""
CONSUMERS = (
    "ingest-worker",
    "policy-worker",
    "publisher-planner",
    "publisher-bluesky",
    "publisher-mastodon",
    "metrics-worker",
)
"""Those of `TWO` that hear messages."""
MEDIA = "ingest-media"


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@dataclass(frozen=True)
class Place:
    """Where one run keeps what it has: servers, names, folder and the sandbox."""

    folder: Path
    namespace: str
    database_url: str
    amqp_url: str
    sandbox_url: str
    config_dir: Path = SAMPLES / "config"
    more: Mapping[str, str] | None = None
    """Settings of this run besides, by their names in the environment."""
    media_port: int = field(default_factory=free_port)
    """Where `ingest media` listens: the platforms' stand-ins fetch media there."""
    media_key: str = field(default_factory=lambda: token_hex(32), repr=False)
    account_key: str = field(default_factory=lambda: token_hex(32), repr=False)
    metrics_keys: tuple[str, str] = field(default_factory=new_pair, repr=False)
    """What opens the tokens that publisher tells metrics of, and what seals them."""

    def environment(self) -> dict[str, str]:
        """Return the settings that every process of this run gets."""
        accounts = self.folder / "accounts.yaml"
        return {
            "NAMESPACE": self.namespace,
            "DATABASE_URL": self.database_url,
            "AMQP_URL": self.amqp_url,
            "MEDIA_URL": f"file://{self.folder / 'media'}",
            "CONFIG_DIR": str(self.config_dir),
            "ACCOUNTS_FILE": str(accounts),
            "APPS_FILE": str(self.folder / "apps.yaml"),
            "ACCOUNT_KEYS": self.account_key,
            "METRICS_PRIVATE_KEY": self.metrics_keys[0],
            "METRICS_PUBLIC_KEY": self.metrics_keys[1],
            "PLATFORM_URLS": json.dumps({p: f"{self.sandbox_url}/{p}" for p in PLATFORMS}),
            "MEDIA_PUBLIC_URL": f"http://127.0.0.1:{self.media_port}",
            "MEDIA_KEY": self.media_key,
            "COMMONS_URL": f"{self.sandbox_url}/commons/w/api.php",
            "JWT_KEY_FILE": str(self.folder / "jwt.pub.pem"),
            "CONTACT": "https://meta.wikimedia.org/wiki/Social_media; carillon@example.org",
        } | dict(self.more or {})

    def prepare(self) -> str:
        """Write the sandbox's accounts and apps, and a key pair; return a token that may do everything."""
        key = make_key_pair(self.folder / "jwt.pem", self.folder / "jwt.pub.pem")
        self._write_accounts()
        return issue(key, "demo", SCOPES, trust=Trust.TEAM, lasting=timedelta(days=1))

    def _write_accounts(self) -> None:
        said = {"accounts.yaml": sandbox_accounts(load(self.config_dir)), "apps.yaml": sandbox_apps()}
        for name, secrets in said.items():
            path = self.folder / name
            path.touch(mode=0o600)
            path.write_text(yaml.safe_dump(secrets))
