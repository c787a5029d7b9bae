"""Whose figures are read, and where: everything measured so far is public, so no account here holds a secret."""

from collections.abc import Callable, Iterable
from typing import Self

from shared import platforms
from shared.adapter.client import HttpClient
from shared.adapter.contract import Account, Http, Measurer
from shared.adapter.errors import Rejected
from shared.channels import Channel, Registry, Stance


class Accounts:
    """The channels that can be measured, and what with: one HTTP client a platform; a context."""

    def __init__(self, registry: Callable[[], Registry], contact: str) -> None:
        self._registry = registry
        self._https = {name: HttpClient(spec, contact=contact) for name, spec in platforms.specs().items()}

    async def __aenter__(self) -> Self:
        return self

    def of(self, channel: str) -> tuple[Measurer, Account, Http]:
        """Return what measures a channel; raises Rejected when nothing does."""
        known = self._registry().channels.get(channel)
        if known is None or known.platform not in self._https:
            raise Rejected(f"{channel} is not in the channel registry, or its platform has no measure.py")
        account = Account(
            channel=channel,
            handle=known.handle,
            base_url=known.base_url,
            secrets={},
            limits=known.limits,
        )
        return platforms.measurer_of(known.platform), account, self._https[known.platform]

    def counted(self, *, even_off: bool) -> Iterable[Channel]:
        """Return the channels whose followers are counted."""
        for channel in self._registry().channels.values():
            if channel.platform in self._https and (even_off or channel.stance is not Stance.OFF):
                yield channel

    def zone_of(self, channel: str) -> str:
        """Return the zone of a channel's day; UTC if the channel has left the registry."""
        known = self._registry().channels.get(channel)
        return known.zone if known else "UTC"

    async def __aexit__(self, *_: object) -> None:
        for http in self._https.values():
            await http.aclose()
