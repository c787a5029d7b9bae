"""The servers of a run, all its own: a PostgreSQL that can be crashed, and a RabbitMQ, of one node or of three."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from deploy.local.postgres import PrivatePostgres, private_postgres
from deploy.local.rabbit import private_rabbit
from deploy.local.rabbit_cluster import PrivateCluster, private_cluster
from deploy.local.rabbit_node import PrivateRabbit


@dataclass(frozen=True)
class Servers:
    """What everything stands on."""

    postgres: PrivatePostgres
    nodes: tuple[PrivateRabbit, ...]
    cluster: PrivateCluster | None = None

    @property
    def description(self) -> str:
        """Which servers, in which versions."""
        number = f"{len(self.nodes)} × " if self.cluster else ""
        return f"{number}{self.nodes[0].description}; {self.postgres.description}"


@contextmanager
def running_servers(*, clustered: bool) -> Iterator[Servers]:
    """Run them for the length of a block. The database waits for its disk: a commit that was answered is there."""
    with ExitStack() as stack:
        postgres = stack.enter_context(private_postgres(durable=True))
        if clustered:
            cluster = stack.enter_context(private_cluster())
            yield Servers(postgres, cluster.nodes, cluster)
        else:
            yield Servers(postgres, (stack.enter_context(private_rabbit()),))
