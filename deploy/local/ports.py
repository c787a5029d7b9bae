"""Free ports on 127.0.0.1, picked at random so that two runs at once do not meet."""

import random
import socket
from itertools import islice

LOOPBACK = "127.0.0.1"
# Below the ports that Linux and macOS give to outgoing connections, so that a server can be restarted on its own port.
LOWEST, HIGHEST = 15_000, 32_000


def free_ports(count: int) -> list[int]:
    """Return as many different ports as asked for, each free at this moment."""
    candidates = random.SystemRandom().sample(range(LOWEST, HIGHEST), HIGHEST - LOWEST)
    found = list(islice(filter(is_free, candidates), count))
    if len(found) < count:
        raise OSError(f"no {count} free ports between {LOWEST} and {HIGHEST} on {LOOPBACK}")
    return found


def is_free(port: int) -> bool:
    """Tell whether a server could listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def answers(port: int, greeting: bytes = b"") -> bool:
    """Tell whether a server accepts a connection on the port and, if greeted, says something back."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1) as connection:
            if not greeting:
                return True
            connection.sendall(greeting)
            return bool(connection.recv(8))
    except OSError:
        return False
