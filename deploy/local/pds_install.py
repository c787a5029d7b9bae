"""The Bluesky PDS installed from npm into `.local/pds` of the checkout, with a Node of its own."""

import hashlib
import os
import platform
import shutil
import sys
from pathlib import Path

from deploy.local.cache import CACHE, made_once
from deploy.local.guarded import ServerUnavailableError, run_logged

SOURCES = Path(__file__).with_name("atproto")
NODE_VERSION = "22.23.3"
MACHINES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}
TOOLS = {"npm": "npm", "make": "make", "c++": "a C++ compiler"}
REMEDY = "Debian and Ubuntu: apt-get install npm make g++; macOS: brew install node, xcode-select --install"


def pds_installation() -> Path:
    """Return the folder of the installed PDS, with `serve.mjs` and `node/bin/node`; install it if it is not there.

    Raises ServerUnavailableError with a remedy if npm or a compiler is missing, or npm fails.
    """
    files = sorted(SOURCES.iterdir())
    digest = hashlib.sha256(NODE_VERSION.encode() + b"".join(path.read_bytes() for path in files)).hexdigest()
    return made_once(CACHE / "pds" / digest[:12], _make)


def node_environment(installation: Path) -> dict[str, str]:
    """Return the variables with which the installation's own Node is found first."""
    return {"PATH": f"{installation}/node/bin:{os.environ.get('PATH', os.defpath)}"}


def _make(folder: Path) -> None:
    if missing := [meaning for tool, meaning in TOOLS.items() if shutil.which(tool) is None]:
        raise ServerUnavailableError(f"a Bluesky PDS can't be installed without {' and '.join(missing)}. {REMEDY}")
    for path in SOURCES.iterdir():
        shutil.copy(path, folder)
    work = folder / "npm"
    work.mkdir()
    _say(f"installing a Bluesky PDS into {folder.parent} (once, about two minutes): Node {NODE_VERSION}")
    _fetch_node(folder, work)
    _say("fetching @atproto/pds and compiling SQLite")
    _npm(folder, work, "install", "--no-audit", "--no-fund", "--no-save")
    _say("trying it")
    prove = 'new (require("better-sqlite3"))(":memory:"); require("@atproto/pds"); require("@did-plc/server")'
    run_logged([folder / "node/bin/node", "-e", prove], work / "log", _environment(folder, work), folder, REMEDY)
    shutil.rmtree(work)
    _say("installed")


def _fetch_node(folder: Path, work: Path) -> None:
    """Unpack Node and its headers from the npm package for this machine."""
    machine = MACHINES.get(platform.machine().lower())
    if machine is None:
        raise ServerUnavailableError(f"npm has no Node for {platform.machine()}: contract tests need x86-64 or arm64")
    _npm(folder, work, "pack", f"node-{sys.platform}-{machine}@{NODE_VERSION}", "--pack-destination", str(work))
    (archive,) = work.glob("*.tgz")
    run_logged(["tar", "-xzf", archive, "-C", work], work / "log", _environment(folder, work), work, REMEDY)
    (work / "package").rename(folder / "node")


def _npm(folder: Path, work: Path, *words: str) -> None:
    run_logged(
        ["npm", *words], work / "log", _environment(folder, work), folder, f"Is npm's registry reachable? {REMEDY}"
    )


def _environment(folder: Path, work: Path) -> dict[str, str]:
    """Return the environment of npm: its cache in the folder, since the home may not be writable."""
    own = {"cache": str(work / "cache"), "devdir": str(work / "devdir"), "update_notifier": "false"}
    # node-gyp compiles against the headers of our Node, not against those it would download.
    own |= {"nodedir": str(folder / "node"), "python": sys.executable}
    return {**os.environ, **node_environment(folder), **{f"npm_config_{name}": value for name, value in own.items()}}


def _say(progress: str) -> None:
    print(progress, file=sys.stderr, flush=True)
