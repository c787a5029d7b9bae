"""One private RabbitMQ node on 127.0.0.1: its files, its environment, its start and its ends."""

import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL, SIGTERM

import httpx

from deploy.local.guarded import Guarded, ServerUnavailableError, run_logged
from deploy.local.ports import LOOPBACK, answers, free_ports

READY_SECONDS = 90.0
AMQP_GREETING = b"AMQP\x00\x00\x09\x01"
WRITE_REGISTERS = "[ok = dets:sync(Table) || Table <- dets:all()]."
LOOPBACK_ONLY = "-kernel inet_dist_use_interface {127,0,0,1}"
CONFIGURATION = """
default_user = {user}
default_pass = {password}
management.tcp.ip = 127.0.0.1
management.tcp.port = {management}
vm_memory_high_watermark.absolute = 1GB
disk_free_limit.absolute = 50MB
log.console = true
log.console.level = warning
log.file = false
"""
CLUSTER = """
cluster_formation.peer_discovery_backend = classic_config
cluster_partition_handling = pause_minority
"""


@dataclass(frozen=True)
class Installation:
    """One RabbitMQ on this machine: its home (with `sbin` and `plugins`), what its Erlang needs, where it came from."""

    home: Path
    environment: dict[str, str]
    origin: str

    @property
    def version(self) -> str:
        """The version, such as `4.3.6`; empty if this is no RabbitMQ."""
        found = sorted((self.home / "plugins").glob("rabbit-[0-9]*"))
        return found[-1].name.removeprefix("rabbit-").removesuffix(".ez") if found else ""

    @property
    def release(self) -> tuple[int, ...]:
        """The first two numbers of the version, to compare."""
        return tuple(int(number) for number in self.version.split(".")[:2] if number.isdigit())


@dataclass(frozen=True)
class Member:
    """One node's place in a cluster: all have the same peers, cookie and password, and the first one's epmd."""

    name: str
    peers: tuple[str, ...]
    cookie: str
    password: str
    epmd: int
    first: bool


class PrivateRabbit:
    """A RabbitMQ of this process's own; it can be killed and started again on the same ports with its data."""

    def __init__(self, guarded: Guarded, installation: Installation, member: Member | None = None) -> None:
        self._guarded, self._installation, self._member = guarded, installation, member
        self._amqp, self._management, self._distribution, self._epmd = free_ports(4)
        self._epmd = member.epmd if member else self._epmd
        self.name = member.name if member else f"carillon{secrets.token_hex(4)}@localhost"
        self.release = installation.release
        self._user, self._password = "carillon", member.password if member else secrets.token_hex(16)
        self.amqp_url = f"amqp://{self._user}:{self._password}@{LOOPBACK}:{self._amqp}/"
        self.management_url = f"http://{self._user}:{self._password}@{LOOPBACK}:{self._management}"
        self.description = f"RabbitMQ {installation.version}, {installation.origin}"
        self._home = guarded.folder / "rabbitmq"
        self._environment = self._identity() | self._kept_to_its_folder()
        self._write_files()
        if member is None or member.first:
            self._start_epmd()
        else:
            self._guarded.wait_for(lambda: answers(self._epmd), READY_SECONDS)
        self.start()

    def start(self) -> None:
        """Start the node; return when it takes connections and its management answers."""
        script = self._home / "sbin/rabbitmq-server"
        self._guarded.start("rabbitmq", [script], self._environment, stop_signal=SIGKILL)
        self._guarded.wait_until("rabbitmq", self._is_ready, READY_SECONDS)

    def kill(self) -> None:
        """End the node with SIGKILL; its data stays, `start` brings it back.

        RabbitMQ writes its register of quorum queues up to three seconds late and forgets a queue's contents if it dies
        before. That weakness is not what a test of ours is after, so the register is written first.
        """
        self.ctl("eval", WRITE_REGISTERS)
        self._guarded.end("rabbitmq", SIGKILL)

    def restart(self) -> None:
        """Stop the node in order and start it again."""
        self._guarded.end("rabbitmq", SIGTERM)
        self.start()

    def ctl(self, *words: str) -> None:
        """Run rabbitmqctl on the node; a failure is an error that shows what it said."""
        log = self._guarded.folder / "rabbitmqctl.log"
        run_logged(
            [self._home / "sbin/rabbitmqctl", *words], log, self._environment, self._guarded.folder, self.description
        )

    def _write_files(self) -> None:
        settings = CONFIGURATION.format(user=self._user, password=self._password, management=self._management)
        if self._member:
            settings += CLUSTER
            settings += "".join(
                f"cluster_formation.classic_config.nodes.{number} = {peer}\n"
                for number, peer in enumerate(self._member.peers, 1)
            )
        files = {
            "rabbitmq.conf": settings,
            "advanced.config": "[].",
            "env.conf": "",
            ".erlang.cookie": self._member.cookie if self._member else secrets.token_hex(16),
        }
        for name, text in {**files, "enabled_plugins": "[rabbitmq_management]."}.items():
            (self._guarded.folder / name).write_text(text)
            (self._guarded.folder / name).chmod(0o600)  # Erlang refuses a cookie that others can read
        self._home.symlink_to(self._installation.home)  # RabbitMQ's scripts stumble over a space in their own path

    def _identity(self) -> dict[str, str]:
        """Return what tells this node from any other: its name, its ports, and loopback as its only interface."""
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            **self._installation.environment,
            "ERL_EPMD_PORT": str(self._epmd),
            "ERL_EPMD_ADDRESS": LOOPBACK,
            "RUNNING_UNDER_SYSTEMD": "true",  # the script then becomes the server, so signals reach it
            "RABBITMQ_NODENAME": self.name,
            "RABBITMQ_NODE_IP_ADDRESS": LOOPBACK,
            "RABBITMQ_NODE_PORT": str(self._amqp),
            "RABBITMQ_DIST_PORT": str(self._distribution),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": LOOPBACK_ONLY,
            "RABBITMQ_CTL_ERL_ARGS": LOOPBACK_ONLY,
        }

    def _kept_to_its_folder(self) -> dict[str, str]:
        """Return what keeps every file that the node reads or writes in its own folder."""
        folder = self._guarded.folder
        return {
            "HOME": str(folder),
            "ERL_CRASH_DUMP_SECONDS": "0",
            "RABBITMQ_SCRIPTS_DIR": str(self._home / "sbin"),
            "RABBITMQ_PLUGINS_DIR": str(self._home / "plugins"),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "env.conf"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        }

    def _start_epmd(self) -> None:
        """Start the node's own name server of Erlang, on loopback alone: the one it would start listens everywhere."""
        epmd = shutil.which("epmd", path=self._environment["PATH"])
        if epmd is None:
            raise ServerUnavailableError("RabbitMQ is installed, but Erlang's epmd is not on PATH")
        self._guarded.start("epmd", [epmd, "-port", str(self._epmd), "-address", LOOPBACK], self._environment)
        self._guarded.wait_until("epmd", lambda: answers(self._epmd), READY_SECONDS)

    def _is_ready(self) -> bool:
        if not answers(self._amqp, AMQP_GREETING):
            return False
        try:
            overview = f"http://{LOOPBACK}:{self._management}/api/overview"
            return httpx.get(overview, auth=(self._user, self._password), trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False
