"""Prometheus's own tools, for the tests of its rules: installed ones, or those of Debian's packages, unpacked once.

`promtool` comes with the package `prometheus`, `amtool` with `prometheus-alertmanager`; both need nothing but the C
library. They are unpacked without root into `.local/prometheus` of the checkout.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path

from deploy.local.apt import Apt, own_suite
from deploy.local.cache import CACHE, made_once
from deploy.local.guarded import ServerUnavailableError

PACKAGES: Mapping[str, str] = {"promtool": "prometheus", "amtool": "prometheus-alertmanager"}
OLDEST: Mapping[str, tuple[int, int]] = {"promtool": (2, 42), "amtool": (0, 25)}
"""What Debian 12 has: what these accept, newer ones do."""


@cache
def tool(name: str) -> Path:
    """Return `promtool` or `amtool`, one that runs here; raises ServerUnavailableError, which says what to install."""
    installed = shutil.which(name)
    found = Path(installed) if installed and _version(Path(installed)) >= OLDEST[name] else unpacked(name)
    if _version(found) < OLDEST[name]:
        raise ServerUnavailableError(f"{found} does not run here, or is too old. {_remedy(name)}")
    return found


def unpacked(name: str) -> Path:
    """Return a tool from its package of this machine's own release, fetched and unpacked if it was not."""
    package, suite = PACKAGES[name], own_suite()
    if not suite or shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        raise ServerUnavailableError(f"there is no {name} here, nor apt-get and dpkg to unpack one. {_remedy(name)}")
    folder = CACHE / "prometheus" / f"{package}-{suite}"
    return made_once(folder, partial(_make, name=name, package=package, suite=suite)) / name


def _make(root: Path, name: str, package: str, suite: str) -> None:
    print(f"unpacking {name} of {suite} into {CACHE / 'prometheus'} (once)", file=sys.stderr, flush=True)
    work, tree = root / "apt", root / "tree"
    work.mkdir()
    apt = Apt(work, suite)
    apt.update()
    apt.unpack([package], tree)
    (tree / "usr" / "bin" / name).rename(root / name)
    shutil.rmtree(work)
    shutil.rmtree(tree)


def _version(program: Path) -> tuple[int, int]:
    """Return a tool's version; (0, 0) if it does not run."""
    try:
        done = subprocess.run([program, "--version"], check=False, capture_output=True, text=True)
    except OSError:
        return 0, 0
    found = re.search(r"version (\d+)\.(\d+)", done.stdout + done.stderr)
    return (int(found[1]), int(found[2])) if done.returncode == 0 and found else (0, 0)


def _remedy(name: str) -> str:
    oldest = ".".join(map(str, OLDEST[name]))
    return f"Install {name} {oldest} or newer (Debian and Ubuntu: apt-get install {PACKAGES[name]})."
