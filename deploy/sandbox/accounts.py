"""What the sandbox lets each channel's account in with."""

from shared.channels import Registry


def sandbox_accounts(registry: Registry) -> dict[str, dict[str, str]]:
    """Return, by channel, what ACCOUNTS_FILE holds when the sandbox stands in for the platforms."""
    entries = {name: _entry(channel.platform, channel.handle) for name, channel in registry.channels.items()}
    return {name: entry for name, entry in entries.items() if entry}


def _entry(platform: str, handle: str) -> dict[str, str]:
    match platform:
        case "bluesky":
            return {"identifier": handle, "password": "sandbox"}
        case "mastodon":
            return {"access_token": f"sandbox-{handle}"}
        case _:
            return {}
