"""Which addresses a name may lead to: those of the whole world, and the networks that an operator allows besides."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

import httpx

Network = IPv4Network | IPv6Network

WORLD = IPv6Network("2000::/3")
"""All of IPv6 that is given out to the world (iana.org/assignments/ipv6-address-space)."""
SPECIAL = tuple(
    ip_network(one)
    for one in ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)
"""Special (iana.org/assignments/iana-ipv4-special-registry and iana-ipv6-special-registry), yet not to every Python."""

log = logging.getLogger(__name__)


class NotPublicError(OSError):
    """A name, or what stands for one, leads to an address that is not public."""


class OutOfReachError(httpx.ConnectError):
    """The host leads to an address that may not be connected to; nothing was sent."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What may be connected to."""

    networks: tuple[Network, ...]
    """Networks that are allowed though they are not public."""
    setting: str
    """The setting that names them: who is refused learns of it."""

    @classmethod
    def of(cls, url: str, networks: Iterable[Network], setting: str) -> "Reach":
        """Return the reach of calls to an address of an operator's own; an IP address in it is allowed by that."""
        host = urlsplit(url).hostname or ""
        return cls((*networks, *([ip_network(host)] if is_literal(host) else [])), setting)

    def check(self, address: str) -> None:
        """Raise NotPublicError unless the IP address may be connected to."""
        known = ip_address(address)
        if not is_public(address) and not any(known in network for network in self.networks):
            log.warning("refused to connect to %s, which is no public address", address)
            raise NotPublicError(
                "leads to an address that is not public; if that is meant, an operator names its network in "
                f"{self.setting}"
            )


def is_public(address: str) -> bool:
    """Say whether an IP address is one of the world's.

    Not public are private and provider-shared addresses, those of this host and of its links, multicast and reserved
    ones, and IPv4 addresses in the clothes of IPv6 (mapped, 6to4, Teredo, NAT64).
    """
    known = ip_address(address)
    if any(known in network for network in SPECIAL):
        return False
    if isinstance(known, IPv6Address):
        return known in WORLD and known.is_global
    return known.is_global and not known.is_multicast and not known.is_reserved


def is_literal(host: str) -> bool:
    """Say whether a host is an IP address, not a name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
