"""The rules: one module each, with the clause it enforces; `check` is pure and yields what it objects to."""

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from services.policy.judge import Pack, Stance
from services.policy.rules import a11y_alt_missing, channel_stance, media_licence

RULES = (channel_stance.check, a11y_alt_missing.check, media_licence.check)


def pack_of(stances: Mapping[str, Stance], config_digest: str) -> Pack:
    """Return the rules with the stances of the channels; the version changes when either does."""
    version = hashlib.sha256(f"{_sources()}\n{config_digest}".encode()).hexdigest()
    return Pack(version, RULES, dict(stances))


@cache
def _sources() -> str:
    """Return the SHA-256 of everything that can change a verdict, whatever the order of the files on the disk."""
    here = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted([*here.glob("*.py"), here.parent / "judge.py", here.parent / "facts.py"]):
        content = path.read_bytes()
        digest.update(f"{path.name} {len(content)}\n".encode() + content)
    return digest.hexdigest()
