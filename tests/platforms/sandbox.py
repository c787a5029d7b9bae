"""The sandbox on a real port, in a thread of its own, and what a test asks of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread
from time import monotonic, sleep
from typing import Any

import httpx
import uvicorn

from deploy.sandbox import Settings, create_app


@dataclass
class Sandbox:
    """A running sandbox."""

    url: str
    control: httpx.Client
    ahead: float = 0.0

    def posts(self, platform: str, account: str) -> list[dict[str, Any]]:
        """Return what an account's readers see, oldest first."""
        told = self.control.get("/_ledger", params={"platform": platform, "account": account})
        posts: list[dict[str, Any]] = told.raise_for_status().json()["posts"]
        return posts

    def arm(
        self, platform: str, kind: str, *, method: str | None = None, path: str | None = None, times: int = 1
    ) -> None:
        """Arm a fault; without method and path, the accept_then ones wait for a call that makes a post public."""
        match = {"method": method, "path": path}
        order = {"platform": platform, "kind": kind, "times": times, "seconds": 30, "match": match}
        self.control.post("/_faults", json=order).raise_for_status()

    def struck(self) -> bool:
        """Say whether the fault that was armed last has been used."""
        faults = self.control.get("/_faults").raise_for_status().json()["faults"]
        return bool(faults and faults[-1]["used"])

    def disarm(self) -> None:
        """Take all faults back."""
        self.control.delete("/_faults").raise_for_status()

    def advance(self, seconds: float) -> None:
        """Set the sandbox's clock ahead of ours."""
        self.ahead = seconds
        self.control.put("/_clock", json={"ahead": seconds}).raise_for_status()

    def pass_by(self, seconds: float) -> None:
        """Let some more of the sandbox's time pass."""
        if seconds > 0:
            self.advance(self.ahead + seconds)

    def say(self, platform: str, account: str, **said: str) -> str:
        """Have somebody say something to an account: `kind`, `text`, `author`, and `to` one of its posts."""
        order = {"platform": platform, "account": account, **said}
        return str(self.control.post("/_voices", json=order).raise_for_status().json()["id"])


@contextmanager
def running() -> Iterator[Sandbox]:
    """Serve a sandbox with open quotas on a free port."""
    app = create_app(Settings(quotas="open"))
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", ws="none", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = Thread(target=server.run, daemon=True)
    thread.start()
    until = monotonic() + 20
    while not server.started:
        if monotonic() > until:
            raise RuntimeError("the sandbox did not start within 20 seconds")
        sleep(0.02)
    url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        with httpx.Client(base_url=url) as control:
            yield Sandbox(url, control)
    finally:
        server.should_exit = True
        thread.join(20)
