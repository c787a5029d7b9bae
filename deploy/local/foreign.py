"""Servers that somebody else runs and names by address: looked at before use, so that a mistake is told at the door."""

import socket
from urllib.parse import urlsplit

from deploy.local.guarded import ServerUnavailableError


def check_reachable(variable: str, url: str, ports: dict[str, int]) -> None:
    """Raise ServerUnavailableError if the address in a variable has a wrong scheme or nothing answers there.

    `ports` gives each allowed scheme its usual port. The message never holds the address's password.
    """
    parts = urlsplit(url)
    if parts.scheme not in ports:
        raise ServerUnavailableError(f"{variable} must begin with {' or '.join(f'{scheme}://' for scheme in ports)}")
    host, port = parts.hostname or "localhost", parts.port or ports[parts.scheme]
    try:
        socket.create_connection((host, port), timeout=10).close()
    except OSError as error:
        raise ServerUnavailableError(
            f"{variable} names {host}:{port}, where nothing answers ({error}). Start that server, or unset {variable}"
        ) from error
