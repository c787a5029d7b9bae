"""Three private RabbitMQ nodes that form a cluster on 127.0.0.1: one can be killed, or cut off from the others."""

import os
import secrets
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from deploy.local.guarded import Guarded, ServerUnavailableError
from deploy.local.ports import free_ports
from deploy.local.rabbit import installation_of
from deploy.local.rabbit_node import Member, PrivateRabbit

NODES = 3
STARTS = 3
WRONG = "not_a_cookie_of_this_cluster"


class PrivateCluster:
    """Nodes that keep every quorum queue three times."""

    def __init__(self, nodes: tuple[PrivateRabbit, ...]) -> None:
        self.nodes = nodes

    def leader(self, queue: str) -> PrivateRabbit:
        """Return the node that leads a queue of the default virtual host, as the first node that answers says."""
        for node in self.nodes:
            try:
                answer = httpx.get(f"{node.management_url}/api/queues/%2F/{queue}", trust_env=False, timeout=5)
            except httpx.HTTPError:
                continue
            if answer.is_success:
                return self.named(str(answer.json()["leader"]))
        raise ServerUnavailableError(f"no node knows who leads {queue}")

    def named(self, name: str) -> PrivateRabbit:
        """Return a node by its name in Erlang."""
        return next(node for node in self.nodes if node.name == name)

    def part(self, node: PrivateRabbit, *others: PrivateRabbit) -> None:
        """Cut the connections between a node and some others; each refuses the other until `heal`.

        First all refuse, then the connections are ended in one go: one by one would be another fault.
        """
        for other in others:
            other.ctl("eval", _refuse(node.name))
        names = ", ".join(f"'{other.name}'" for other in others)
        refusals = " ".join(_refuse(other.name).rstrip(".") + "," for other in others)
        node.ctl("eval", f"{refusals} [erlang:disconnect_node(Node) || Node <- [{names}]].")

    def heal(self, node: PrivateRabbit, *others: PrivateRabbit) -> None:
        """Let a node and some others speak again."""
        for one, two in [(node, other) for other in others] + [(other, node) for other in others]:
            one.ctl("eval", f"erlang:set_cookie('{two.name}', erlang:get_cookie()).")
        for other in others:
            node.ctl("eval", f"net_kernel:connect_node('{other.name}').")


def _refuse(name: str) -> str:
    return f"erlang:set_cookie('{name}', '{WRONG}')."


@contextmanager
def private_cluster(suite: str = "") -> Iterator[PrivateCluster]:
    """Give a running cluster of one's own; raises ServerUnavailableError, which says what to install, without one."""
    installation = installation_of(suite or os.environ.get("RABBITMQ_SUITE", ""))
    for attempt in range(1, STARTS + 1):
        with ExitStack() as stack:
            guards = [stack.enter_context(Guarded("rabbitmq", Path(tempfile.gettempdir()))) for _ in range(NODES)]
            members = _members()
            with ThreadPoolExecutor(NODES) as pool:  # each waits for the others
                starting = [
                    pool.submit(PrivateRabbit, guard, installation, member)
                    for guard, member in zip(guards, members, strict=True)
                ]
            try:
                nodes = tuple(one.result() for one in starting)
            except ServerUnavailableError as error:
                if "eaddrinuse" in str(error) and attempt < STARTS:
                    continue
                raise
            yield PrivateCluster(nodes)
            return


def _members() -> list[Member]:
    run, cookie, password = secrets.token_hex(4), secrets.token_hex(16), secrets.token_hex(16)
    (epmd,) = free_ports(1)
    names = tuple(f"carillon{run}{number}@localhost" for number in range(1, NODES + 1))
    return [Member(name, names, cookie, password, epmd, first=name == names[0]) for name in names]
