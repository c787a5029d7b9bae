"""Carillon as the platforms know it: what is registered in their developer consoles, from a file of secrets."""

from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, SecretStr, TypeAdapter

from shared import platforms
from shared.adapter.contract import App
from shared.channels import Channel, Registry
from shared.secrets_file import SecretsFile


class Registered(BaseModel):
    """One platform's entry in its developer console."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    client_id: str
    client_secret: SecretStr = SecretStr("")
    redirect_uri: str
    scopes: tuple[str, ...] = ()


FILE = TypeAdapter(dict[str, Registered])


class MissingAppError(Exception):
    """The platform lets in registered applications only, and APPS_FILE names none for it."""


class Apps:
    """Apps by platform; a changed file holds from the next call on, a wrong one leaves the last good in force."""

    def __init__(self, path: Path, registry: Callable[[], Registry]) -> None:
        self._file = SecretsFile(path, FILE, {}, "apps")
        self._registry = registry

    def channel(self, name: str) -> Channel | None:
        """Return a channel of the registry, if it is on a platform that can be connected."""
        found = self._registry().channels.get(name)
        return found if found and found.platform in platforms.specs() else None

    def of(self, channel: Channel, account: str = "") -> App:
        """Return the app that lets us into a channel; raises MissingAppError."""
        found = self._file.current().get(channel.platform)
        if found is None and platforms.specs()[channel.platform].grants.app:
            raise MissingAppError(f"there is no app for {channel.platform}: add its entry to APPS_FILE")
        if found is None:
            return App("", "", "", channel.base_url, account=account)
        secret = found.client_secret.get_secret_value()
        return App(found.client_id, secret, found.redirect_uri, channel.base_url, found.scopes, account)
