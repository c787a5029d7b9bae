"""Whose figures are read, and with what: publisher's token, a file's, none where all is public."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import Self, TypeVar

import structlog
from prometheus_client import Gauge

from services.metrics.tokens import Tokens
from shared import accounts, platforms
from shared.adapter.client import HttpClient
from shared.adapter.contract import Account, Http, Measurer
from shared.adapter.errors import Rejected, Unauthorized
from shared.channels import Channel, Registry, Stance

log = structlog.get_logger()

CLOSED = Gauge(
    "carillon_metrics_channel_without_account",
    "1 where a platform tells only an account, and ACCOUNTS_FILE has none for the channel",
    ["channel", "question"],
)

T = TypeVar("T")
Ask = Callable[[Measurer, Account, Http], Awaitable[T]]


class Closed(Unauthorized):
    """The platform tells only an account, and there is none for the channel."""


class Accounts:
    """The channels that can be measured, and what with: one HTTP client a platform; a context."""

    def __init__(
        self, known: accounts.Accounts, tokens: Tokens, registry: Callable[[], Registry], contact: str
    ) -> None:
        self._known = known
        self._tokens = tokens
        self._registry = registry
        self._https = {name: HttpClient(spec, contact=contact) for name, spec in platforms.specs().items()}
        self._closed: set[tuple[str, str]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def ask(self, channel: str, question: str, ask: Ask[T]) -> T:
        """Return what a channel's platform answers to a question.

        Raises Closed where it answers accounts only and there is none, Rejected where nothing can be asked, and
        whatever other PlatformError the asking raises.
        """
        measurer, account, http = self._of(channel)
        if token := await self._tokens.token_of(channel):
            account = replace(account, secrets={"access_token": token.access}, id=token.account_id or account.id)
        try:
            answer = await ask(measurer, account, http)
        except Unauthorized as error:
            if account.secrets:
                self._tokens.forget(channel)
                raise
            self._say_closed(channel, question)
            raise Closed(error.reason) from error
        self._say_open(channel, question)
        return answer

    def counted(self, *, even_off: bool = False) -> Iterable[Channel]:
        """Return the channels that are asked about."""
        for channel in self._registry().channels.values():
            if channel.platform in self._https and (even_off or channel.stance is not Stance.OFF):
                yield channel

    def zone_of(self, channel: str) -> str:
        """Return the zone of a channel's day; UTC if the channel has left the registry."""
        known = self._registry().channels.get(channel)
        return known.zone if known else "UTC"

    async def __aexit__(self, *_: object) -> None:
        for http in self._https.values():
            await http.aclose()

    def _of(self, channel: str) -> tuple[Measurer, Account, Http]:
        account, platform = self._known.open(channel), channel.partition("/")[2]
        if account is None or platform not in self._https:
            raise Rejected(f"{channel} is not in the channel registry, or its platform has no measure.py")
        return platforms.measurer_of(platform), account, self._https[platform]

    def _say_closed(self, channel: str, question: str) -> None:
        CLOSED.labels(channel, question).set(1)
        if (channel, question) not in self._closed:
            self._closed.add((channel, question))
            remedy = "add an access token that may read to ACCOUNTS_FILE"
            log.warning(
                "not asked: the platform tells accounts only", channel=channel, question=question, remedy=remedy
            )

    def _say_open(self, channel: str, question: str) -> None:
        CLOSED.labels(channel, question).set(0)
        if (channel, question) in self._closed:
            self._closed.discard((channel, question))
            log.info("asked again: there is an account now", channel=channel, question=question)
