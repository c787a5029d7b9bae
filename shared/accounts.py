"""The accounts of our channels: where they are from the channel registry, what lets us in from a file of secrets."""

from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, SecretStr, TypeAdapter

from shared.adapter.contract import Account
from shared.adapter.errors import Unauthorized
from shared.channels import Registry
from shared.secrets_file import SecretsFile


class Secrets(BaseModel):
    """What one account's platform asks for; each platform's `connect.py` says which of these."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    identifier: SecretStr | None = None
    password: SecretStr | None = None
    access_token: SecretStr | None = None
    id: str = ""
    """The platform's own id of the account, where its calls need one: a Page, a user, an organization."""
    version: str = ""
    """The version of the platform's API to speak, where it is newer than the one that is built in."""

    def plain(self) -> dict[str, str]:
        """Return the secrets that are set, in clear, for the one call that needs them."""
        return {name: value.get_secret_value() for name, value in self if isinstance(value, SecretStr)}


FILE = TypeAdapter(dict[str, Secrets])
NONE = Secrets()


class Accounts:
    """Accounts by channel; a changed file holds from the next call on, a wrong one leaves the last good in force."""

    def __init__(self, path: Path, registry: Callable[[], Registry]) -> None:
        self._file = SecretsFile(path, FILE, {}, "accounts")
        self._registry = registry

    def of(self, channel: str) -> Account:
        """Return a channel's account; raises Unauthorized when there is none."""
        account = self.open(channel)
        if account is None or channel not in self._file.current():
            raise Unauthorized(f"there is no account for {channel}: add its secrets to ACCOUNTS_FILE")
        return account

    def open(self, channel: str) -> Account | None:
        """Return a channel's account, without secrets where the file has none, for what a platform tells anybody.

        None for a channel that is not in the registry.
        """
        known = self._registry().channels.get(channel)
        if known is None:
            return None
        secrets = self._file.current().get(channel, NONE)
        return Account(
            channel=channel,
            handle=known.handle,
            base_url=known.base_url,
            secrets=secrets.plain(),
            limits=known.limits,
            id=secrets.id,
            version=secrets.version,
        )
