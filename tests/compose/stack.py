"""A compose stack under a name of its own, steered as a person would: through deploy/compose.sh and docker compose."""

import asyncio
import json
import os
import subprocess
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import httpx

DEPLOY = Path(__file__).parents[2] / "deploy"
PORTS = ("INGEST", "MEDIA", "POLICY", "PUBLISHER", "METRICS", "SANDBOX", "RABBITMQ", "PROMETHEUS")

# `docker kill` counts as a person's wish, after which nothing restarts; this comes from outside, as a crash does.
KILL = "import os, sys; os.kill(int(sys.argv[1]), 9)"


class Stack:
    """One project of docker compose; its published ports are free ones."""

    def __init__(self, project: str, folder: Path) -> None:
        self.began = time.time()
        self.timings: dict[str, float] = {}
        self._project = project
        settings = folder / "settings.env"
        settings.write_text("MEASURE_AGES=5s,1h,1d\n")
        self._environment = dict(os.environ) | {
            "COMPOSE_PROJECT_NAME": project,
            "COMPOSE_PROFILES": "",  # without Grafana, which nothing here asks
            "STACK_ENV": str(folder / "stack.env"),
            "SETTINGS_OF_ALL": str(settings),
            **{f"{name}_PORT": "0" for name in PORTS},
        }
        self._environment.pop("VOLUMES", None)

    def run(self, act: str, **settings: str) -> str:
        """Run an act of deploy/compose.sh; return what it prints."""
        began = time.monotonic()
        said = self._call([str(DEPLOY / "compose.sh"), act], settings)
        self.timings[act] = time.monotonic() - began
        return said

    def compose(self, *words: str) -> str:
        """Run docker compose on this project; return what it prints."""
        files = ["--file", str(DEPLOY / "docker-compose.yml"), "--env-file", self._environment["STACK_ENV"]]
        return self._call(["docker", "compose", *files, *words])

    def url(self, service: str, port: int = 8000) -> str:
        """Return where a service's port is published."""
        return f"http://{self.compose('port', service, str(port)).strip()}"

    def containers(self, service: str) -> list[dict[str, Any]]:
        """Return what the engine knows about a service's containers."""
        ids = self.compose("ps", "--all", "--quiet", service).split()
        found: list[dict[str, Any]] = json.loads(self._call(["docker", "inspect", *ids]))
        return found

    def kill(self, service: str) -> None:
        """End a service's first process as a crash would."""
        (container,), (sandbox,) = self.containers(service), self.containers("sandbox")
        helper = ["docker", "run", "--rm", "--pid=host", "--user=0", sandbox["Config"]["Image"], "python", "-c", KILL]
        self._call([*helper, str(container["State"]["Pid"])])

    def _call(self, command: list[str], more: Mapping[str, str] | None = None) -> str:
        environment = self._environment | dict(more or {})
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done.stdout


class Prometheus:
    """The stack's Prometheus."""

    def __init__(self, http: httpx.AsyncClient, url: str) -> None:
        self._http = http
        self._url = f"{url}/api/v1"

    async def ask(self, address: str, **parameters: str) -> Any:
        """Return the data of an answer; fails with Prometheus's own words."""
        answer = (await self._http.get(f"{self._url}/{address}", params=parameters)).json()
        assert answer["status"] == "success", f"{address} {parameters}: {answer.get('error')}"
        return answer["data"]

    async def targets(self) -> list[dict[str, Any]]:
        """Return the targets that Prometheus scrapes now."""
        found: list[dict[str, Any]] = (await self.ask("targets", state="active"))["activeTargets"]
        return found


async def until(look: Callable[[], Awaitable[bool]], what: str, seconds: float = 90) -> None:
    """Wait for a condition; fails with its name when it does not come true."""
    ends = time.monotonic() + seconds
    while not await look():
        assert time.monotonic() < ends, f"not within {seconds:.0f} s: {what}"
        await asyncio.sleep(0.25)
