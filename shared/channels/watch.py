"""A registry that follows its files: what every process holds."""

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from weakref import WeakSet

import structlog
from prometheus_client import REGISTRY
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from shared.channels.load import CHANNELS, STRATEGY, ConfigError, load
from shared.channels.registry import Registry

log = structlog.get_logger(__name__)
EVERY_SECONDS = 1.0

Signature = tuple[tuple[Path, int, int], ...]


class _Told(Collector):
    """Says at each scrape which configuration is in use; a process with nothing to do looks for a newer one then."""

    def __init__(self) -> None:
        self.files: WeakSet[RegistryFile] = WeakSet()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        used = {file.current().digest for file in self.files}
        wrong = any(file.error for file in self.files)
        digest = GaugeMetricFamily("carillon_config_digest", "1 for the configuration in use", labels=["digest"])
        for one in sorted(used):
            digest.add_metric([one[:12]], 1)
        yield digest
        yield GaugeMetricFamily(
            "carillon_config_wrong", "Whether the configuration's files cannot be used", value=wrong
        )


_TOLD = _Told()
REGISTRY.register(_TOLD)


class RegistryFile:
    """Gives the newest good registry: files are looked at once a second at the most, and a wrong one changes nothing.

    The first reading must succeed; it raises ConfigError otherwise.
    """

    def __init__(
        self,
        config_dir: Path,
        platform_urls: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config_dir = config_dir
        self._platform_urls = platform_urls or {}
        self._clock = clock
        self._looked_at = clock()
        self._registry = load(config_dir, self._platform_urls)
        self._seen: Signature = ()  # unlike any: a change during the first reading is not missed
        self.error: str | None = None
        """Why the files as they are now are not in use; None when they are."""
        _TOLD.files.add(self)

    def current(self) -> Registry:
        """Return the newest good registry, reading the files anew if they changed."""
        if self._clock() - self._looked_at >= EVERY_SECONDS:
            self._looked_at = self._clock()
            now = self._signature()
            if now != self._seen or self.error:  # what is wrong may lie in a file that is not watched yet
                self._seen = now
                self._read_again()
        return self._registry

    def _read_again(self) -> None:
        try:
            registry = load(self._config_dir, self._platform_urls)
        except ConfigError as error:
            if str(error) != self.error:
                log.error("config.wrong", error=str(error), kept=self._registry.digest)
            self.error = str(error)
            return
        if registry.digest != self._registry.digest or self.error:
            log.info("config.read", digest=registry.digest)
        self.error = None
        self._registry = registry

    def _signature(self) -> Signature:
        """Return place, time of change and size of every file that was read, or could be now."""
        watched = {*self._registry.files, self._config_dir / CHANNELS, self._config_dir / STRATEGY}
        return tuple(_stamp(file) for file in sorted(watched))


def _stamp(file: Path) -> tuple[Path, int, int]:
    try:
        stat = file.stat()
    except OSError:
        return file, 0, 0
    return file, stat.st_mtime_ns, stat.st_size
