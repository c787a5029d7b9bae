"""The credentials of a compose stack, kept in volumes: `python -m deploy.credentials make | accounts | token …`.

`make` makes, where missing, the key pair for tokens, that for what publisher tells metrics, and the sandbox's accounts
and apps. `accounts` takes the real accounts, or apps, from its standard input. Only the image of the sandbox has this
module; no service can read the private key.
"""

import argparse
import os
import sys
from pathlib import Path

import yaml

from deploy.sandbox.people import number_of
from shared import box
from shared.channels import Registry, load
from shared.http import token
from shared.platforms import specs
from shared.settings import Settings

FOLDER = Path("/var/lib/carillon")
PRIVATE_KEY = FOLDER / "keys" / "jwt.pem"
PUBLIC_KEY = FOLDER / "public" / "jwt.pub.pem"
ACCOUNTS = FOLDER / "accounts" / "accounts.yaml"
READERS = FOLDER / "readers" / "accounts.yaml"
APPS = FOLDER / "apps" / "apps.yaml"
PLACES = {"publisher": ACCOUNTS, "metrics": READERS, "apps": APPS}
"""Whose secrets → where: metrics has accounts of its own, for it only reads; apps are who Carillon is to platforms."""
METRICS_PRIVATE_KEY = FOLDER / "readers" / "metrics.key"
METRICS_PUBLIC_KEY = FOLDER / "public" / "metrics.pub"
SANDBOX_MARK = "# The sandbox's accounts: no secrets. `make accounts FILE=…` replaces them by real ones.\n"
BACK = "http://127.0.0.1:8082/v1/accounts/callback"
"""Where platforms send owners back to in a rehearsal: publisher's API, where compose publishes it."""


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(
        prog="python -m deploy.credentials", description="The credentials of a compose stack."
    )
    parser.add_argument("act", choices=["make", "accounts", "token"])
    parser.add_argument(
        "--of",
        choices=list(PLACES),
        default="publisher",
        help="whose they are: accounts that publish, accounts that read, or apps",
    )
    asked, rest = parser.parse_known_args()[0], sys.argv[2:]
    act = asked.act
    if act == "token":
        sys.argv[1:] = ["--key", str(PRIVATE_KEY), *rest]
        token.main()
    elif act == "accounts":
        take_accounts(sys.stdin.read(), Settings().config_dir, asked.of)
    else:
        make(Settings().config_dir)


def make(config_dir: Path) -> None:
    """Make what is missing; the sandbox's accounts are written anew, for channels may have come."""
    token.make_key_pair(PRIVATE_KEY, PUBLIC_KEY)
    if not METRICS_PRIVATE_KEY.exists() or not METRICS_PUBLIC_KEY.exists():
        private, public = box.new_pair()
        _write(private, METRICS_PRIVATE_KEY)
        _write(public, METRICS_PUBLIC_KEY)
    accounts = sandbox_accounts(load(config_dir))
    for place, said in ((ACCOUNTS, accounts), (READERS, accounts), (APPS, sandbox_apps())):
        if not place.exists() or place.read_text().startswith(SANDBOX_MARK):
            _write(SANDBOX_MARK + yaml.safe_dump(said), place)


def sandbox_accounts(registry: Registry) -> dict[str, dict[str, str]]:
    """Return, by channel, what ACCOUNTS_FILE holds when the sandbox stands in for the platforms."""
    return {name: _entry(channel.platform, channel.handle) for name, channel in registry.channels.items()}


def sandbox_apps() -> dict[str, dict[str, str]]:
    """Return, by platform, what APPS_FILE holds when the sandbox stands in for the platforms."""
    app = {"client_id": "carillon", "client_secret": "sandbox", "redirect_uri": BACK}
    return {name: dict(app) for name, spec in specs().items() if spec.grants.app}


def _entry(platform: str, handle: str) -> dict[str, str]:
    if platform == "bluesky":
        return {"identifier": handle, "password": "sandbox"}
    return {"access_token": f"sandbox-{handle}", "id": number_of(handle)}


def take_accounts(text: str, config_dir: Path, reader: str = "publisher") -> None:
    """Keep the real accounts or apps; ends with a sentence when they are not of the form `channel: {name: secret}`."""
    known, kind = (specs(), "platform") if reader == "apps" else (load(config_dir).channels, "channel")
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError:  # its message would repeat a secret
        raise SystemExit(f"accounts: this is not YAML; write `{kind}:` and below it `name: secret`") from None
    if not isinstance(found, dict) or not all(isinstance(secrets, dict) for secrets in found.values()):
        example = "x" if reader == "apps" else "wikipedia/bluesky"
        raise SystemExit(f"accounts: write `{kind}:` (such as {example}) and below it `name: secret`")
    if unknown := set(found) - set(known):
        where = "no platform of ours" if reader == "apps" else "not in the channel registry"
        raise SystemExit(f"accounts: {where}: {', '.join(sorted(map(str, unknown)))}")
    _write(text, PLACES[reader])
    what, who = ("apps", "publisher") if reader == "apps" else ("accounts", reader)
    print(f"{what} of {len(found)} {kind}s taken; {who} reads them at its next call")


def _write(text: str, place: Path) -> None:
    """Replace the file in one step, so that nobody reads half of it."""
    fresh = place.with_suffix(".new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
    fresh.replace(place)


if __name__ == "__main__":
    main()
