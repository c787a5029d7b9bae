"""The rules: one module each, with the clause it enforces; `check` is pure and yields what it objects to."""

import hashlib
from functools import cache, lru_cache
from pathlib import Path

from services.policy.judge import Pack
from services.policy.rules import a11y_alt_missing, channel_audience, channel_stance, media_licence
from shared.channels import Registry, Stance
from shared.content import Audience

RULES = (channel_stance.check, channel_audience.check, a11y_alt_missing.check, media_licence.check)


def pack_of(registry: Registry) -> Pack:
    """Return the rules with the stances and audiences of the channels; the version changes when any of it does."""
    return _pack(registry.digest, tuple((name, one.stance, one.audience) for name, one in registry.channels.items()))


@lru_cache(maxsize=4)
def _pack(digest: str, channels: tuple[tuple[str, Stance, Audience], ...]) -> Pack:
    version = hashlib.sha256(f"{_sources()}\n{digest}".encode()).hexdigest()
    stances = {name: stance for name, stance, _ in channels}
    return Pack(version, RULES, stances, {name: audience for name, _, audience in channels})


@cache
def _sources() -> str:
    """Return the SHA-256 of everything that can change a verdict, whatever the order of the files on the disk."""
    here = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted([*here.glob("*.py"), here.parent / "judge.py", here.parent / "facts.py"]):
        content = path.read_bytes()
        digest.update(f"{path.name} {len(content)}\n".encode() + content)
    return digest.hexdigest()
