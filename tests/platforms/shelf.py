"""The store's media at addresses of a real HTTP server, for platforms that fetch them."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from tests.platforms.contents import Store


@contextmanager
def shelf(store: Store) -> Iterator[None]:
    """Serve a store's media at `/<sha256>` until the context ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = store.kept.get(self.path.removeprefix("/"))
            self.send_response(200 if content else 404)
            self.send_header("Content-Type", _type(content or b""))
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    store.served = f"http://127.0.0.1:{server.server_port}"
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def _type(content: bytes) -> str:
    if content[4:8] == b"ftyp":
        return "video/mp4"
    return "image/jpeg" if content[:2] == b"\xff\xd8" else "image/png" if content else "text/plain"
