"""Whether this container's process is ready: `python -I -S deploy/ready.py [path]` ends with 0 if so.

Asked every few seconds in every container, so it imports nothing that takes time to import.
"""

import os
import socket
import sys

SECONDS = 8.0
STATUS = slice(9, 12)
"""Where `HTTP/1.1 200` has its status."""


def main() -> int:
    """Ask the process on `PORT`, and repeat what it says is missing."""
    path = sys.argv[1] if len(sys.argv) > 1 else "/readyz"
    answer = ask(int(os.environ["PORT"]), path)
    print(answer.partition(b"\r\n\r\n")[2].decode(errors="replace"))
    return 0 if answer[STATUS] == b"200" else 1


def ask(port: int, path: str) -> bytes:
    """Return the whole answer to a GET request; raises OSError when nobody answers in time."""
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        pieces = []
        while piece := connection.recv(65_536):
            pieces.append(piece)
    return b"".join(pieces)


if __name__ == "__main__":
    sys.exit(main())
