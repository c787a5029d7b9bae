"""Debian's packages fetched and unpacked without root: own package lists, own cache, nothing installed."""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from deploy.local.guarded import ServerUnavailableError, run_logged

DEBIAN = "http://deb.debian.org/debian"
DEBIAN_KEYS = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

# The hooks of the machine's own apt would clean its caches; ours must touch nothing outside its folder.
CONFIGURATION = """
#clear APT::Update::Pre-Invoke; #clear APT::Update::Post-Invoke; #clear APT::Update::Post-Invoke-Success;
Dir::Etc::SourceList "{0}/suite.sources"; Dir::Etc::SourceParts "/dev/null";
Dir::State "{0}"; Dir::State::Lists "{0}/lists"; Dir::State::Status "{0}/status";
Dir::Cache "{0}/cache"; Dir::Log "{0}"; APT::Sandbox::User ""; Acquire::Languages "none"; Acquire::Retries "2";
"""


@dataclass(frozen=True)
class Source:
    """Where the packages of one suite come from, as in deb822's fields."""

    uri: str
    suite: str
    components: str
    signed_by: str = ""

    def stanza(self) -> str:
        """Return the source as apt reads it."""
        lines = ["Types: deb", f"URIs: {self.uri}", f"Suites: {self.suite}", f"Components: {self.components}"]
        return "\n".join([*lines, *([f"Signed-By: {self.signed_by}"] if self.signed_by else [])]) + "\n"


class Apt:
    """apt-get with lists and caches in a folder of its own, for one suite."""

    def __init__(self, folder: Path, suite: str) -> None:
        self._folder, self._suite = folder, suite
        for name in ("lists/partial", "cache/archives/partial"):
            (folder / name).mkdir(parents=True)
        (folder / "status").touch()
        (folder / "suite.sources").write_text(source_of(suite).stanza())
        (folder / "apt.conf").write_text(CONFIGURATION.format(folder))

    def update(self) -> None:
        """Fetch the suite's package list."""
        self._run("update")

    def needed_by(self, package: str) -> list[str]:
        """Return the file addresses of a package and of all that it depends on, as `name=version`."""
        words = ["--yes", "--no-install-recommends", "--print-uris", "install", package]
        result = subprocess.run(self._command(*words), check=False, capture_output=True, text=True, env=_environment())
        if result.returncode != 0:
            raise ServerUnavailableError(f"{package} is not in {self._suite}: {result.stderr.strip()}")
        return re.findall(r"^'\S+' ([^_\s]+)_", result.stdout, re.MULTILINE)

    def unpack(self, packages: list[str], root: Path) -> None:
        """Download packages and unpack them below `root`."""
        debs = self._folder / "debs"
        debs.mkdir()
        self._run("download", *packages, cwd=debs)
        for deb in sorted(debs.glob("*.deb")):
            run_logged(["dpkg", "-x", deb, root], self._folder / "log", _environment(), debs, "Is the disk full?")

    def _command(self, *words: str) -> list[str | Path]:
        return ["apt-get", "-q", "-c", self._folder / "apt.conf", *words]

    def _run(self, *words: str, cwd: Path | None = None) -> None:
        remedy = "Is this machine's package mirror reachable?"
        run_logged(self._command(*words), self._folder / "log", _environment(), cwd or self._folder, remedy)


def _environment() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}


def own_suite() -> str:
    """Return the code name of the release that this machine runs, such as `bookworm`; empty if it has none."""
    try:
        release = Path("/etc/os-release").read_text()
    except FileNotFoundError:
        return ""
    found = re.search(r'^VERSION_CODENAME="?(\w+)', release, re.MULTILINE)
    return found[1] if found else ""


def source_of(suite: str) -> Source:
    """Return the machine's own source of a suite; for another suite its mirror, if of Debian, else Debian's own."""
    known = [source for path in _source_files() for source in sources_in(path)]
    for source in known:
        if source.suite == suite:
            return source
    keys = str(DEBIAN_KEYS) if DEBIAN_KEYS.exists() else ""
    mirror = next((s.uri for s in known if s.uri.rstrip("/").endswith("/debian")), DEBIAN)
    return Source(mirror, suite, "main", keys)


def _source_files() -> list[Path]:
    parts = Path("/etc/apt/sources.list.d")
    return [
        p
        for p in [Path("/etc/apt/sources.list"), *sorted(parts.glob("*.sources")), *sorted(parts.glob("*.list"))]
        if p.exists()
    ]


def sources_in(path: Path) -> list[Source]:
    """Read a file of sources in either of apt's two formats."""
    text = "\n".join(line for line in path.read_text().splitlines() if not line.lstrip().startswith("#"))
    if path.suffix != ".sources":
        return _one_line_sources(text)
    found = []
    for stanza in re.split(r"\n\s*\n", text):
        field = {
            key.lower(): value.strip() for key, value in re.findall(r"^([\w-]+):[ \t]*(.*)$", stanza, re.MULTILINE)
        }
        uri = field.get("uris", "").split()
        for suite in field.get("suites", "").split() if "deb" in field.get("types", "").split() else []:
            found += [Source(uri[0], suite, field.get("components", "main"), field.get("signed-by", ""))] if uri else []
    return found


def _one_line_sources(text: str) -> list[Source]:
    found = []
    for options, uri, suite, components in re.findall(
        r"^deb\s+(?:\[(.*?)\]\s+)?(\S+)\s+(\S+)\s+(.+)$", text, re.MULTILINE
    ):
        keys = re.search(r"signed-by=(\S+)", options)
        found.append(Source(uri, suite, components, keys[1] if keys else ""))
    return found
