"""How a request travels: straight to its host, or through the proxy that the environment names for it.

Where a reach is given, a connection is made only to an address within it: every address that a name leads to is checked
when it is looked up, and the one that is connected to once more when its socket is made. Through a proxy it is the
proxy that looks names up, so its rules decide; only an address that stands for a name is checked here.

httpx builds the requests and decodes the answers; aiohttp has the connections, for they take half the CPU of
httpx's own. What aiohttp would do unasked is switched off: it repeats no call, follows no redirect, keeps no cookie,
reads no credentials.
"""

import socket
from collections.abc import AsyncIterator, Callable
from functools import cache, lru_cache
from io import BytesIO
from select import POLLIN, poll
from ssl import SSLContext
from urllib.request import getproxies, proxy_bypass
from weakref import WeakSet

import aiohttp
import httpx
from aiohttp.abc import ResolveResult
from aiohttp.client_middlewares import ClientHandlerType
from aiohttp.connector import AddrInfoType, Connection
from yarl import URL

from shared.adapter.reach import NotPublicError, OutOfReachError, Reach, is_literal

KEPT_SECONDS = 4.0
"""How long an unused connection is kept: less than the five seconds after which Node and uvicorn close theirs."""
LARGE = 1_000_000
"""Bytes of a body from which on it is sent in pieces, as aiohttp demands."""
PIECE = 65_536
"""Bytes of an answer that are decoded at once, so that a small one that unpacks to a giant is noticed early."""
LONGEST_HEADER = 65_536
"""Bytes; aiohttp's own limit, an eighth of it, is less than some security policies need."""

_NAMES: tuple[tuple[type[Exception], type[httpx.TransportError]], ...] = (
    (aiohttp.ConnectionTimeoutError, httpx.ConnectTimeout),
    (aiohttp.ClientConnectorError, httpx.ConnectError),
    (aiohttp.ClientHttpProxyError, httpx.ProxyError),
    (aiohttp.InvalidURL, httpx.ConnectError),
    (aiohttp.SocketTimeoutError, httpx.ReadTimeout),
    (aiohttp.ClientResponseError, httpx.RemoteProtocolError),
)
"""What aiohttp's errors are to httpx, the first that fits. The first four come before a byte of the request is sent;
all others, named here or not, may come after."""


class Transport(httpx.AsyncBaseTransport):
    """Sends requests by HTTP/1.1, each once; keeps connections, as many as calls were under way at once."""

    def __init__(self, reach: Reach | None = None) -> None:
        """Make a transport without connections, to anywhere or within a reach; the first call opens one."""
        self._reach = reach
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request, with httpx's extension `timeout`; the answer is still to be read, and to be closed.

        Raises httpx.TransportError: ConnectError (also as OutOfReachError), ConnectTimeout, ProxyError and
        UnsupportedProtocol say that nothing was sent, all others that something may have been.
        """
        url, content = request.url, await request.aread()
        proxy = proxy_for(url.scheme, url.host)
        if not (_by_http(url) and url.host and (proxy is None or _by_http(httpx.URL(proxy)))):
            raise httpx.UnsupportedProtocol("Neither http nor https")
        if self._reach and proxy:
            _check_literal(url.host, self._reach)
        answer = await self._opened(straight=proxy is None).request(
            request.method,
            URL(str(url.copy_with(userinfo=b"") if url.userinfo else url), encoded=True),
            data=BytesIO(content) if len(content) > LARGE else content or None,
            headers=[(name.decode("ascii"), value.decode("latin-1")) for name, value in request.headers.raw],
            timeout=_limits(**request.extensions["timeout"]),
            proxy=proxy,
            allow_redirects=False,
        )
        return httpx.Response(answer.status, headers=answer.raw_headers, stream=_Body(answer))

    async def aclose(self) -> None:
        """Close the connections; a later call opens new ones."""
        closing, self._sessions = self._sessions, {}
        for session in closing.values():
            await session.close()

    def _opened(self, *, straight: bool) -> aiohttp.ClientSession:
        """Return the connections to hosts, or those to a proxy, which an operator names and may be anywhere."""
        if straight not in self._sessions:  # they belong to the event loop of the first call
            within = self._reach if straight else None
            self._sessions[straight] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    ssl=secured(),
                    limit=0,
                    keepalive_timeout=KEPT_SECONDS,
                    resolver=_Resolver(within) if within else None,
                    socket_factory=_sockets(within) if within else None,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),  # accounts share the connections
                auto_decompress=False,
                max_line_size=LONGEST_HEADER,
                max_field_size=LONGEST_HEADER,
                middlewares=(_once,),
                request_class=_Request,
            )
        return self._sessions[straight]


class _Resolver(aiohttp.ThreadedResolver):
    """Looks names up; one that leads anywhere out of reach, be it in one answer of many, leads nowhere."""

    def __init__(self, reach: Reach) -> None:
        super().__init__()
        self._reach = reach

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return all addresses of a name; raises NotPublicError."""
        found = await super().resolve(host, port, family)
        for one in found:
            self._reach.check(one["host"])
        return found


def _sockets(reach: Reach) -> Callable[[AddrInfoType], socket.socket]:
    """Return what makes a socket for an address: the last door, which no address goes round, however it was come by."""

    def opened(info: AddrInfoType) -> socket.socket:
        family, kind, protocol, _, address = info
        reach.check(str(address[0]))
        return socket.socket(family, kind, protocol)

    return opened


def _check_literal(host: str, reach: Reach) -> None:
    try:
        if is_literal(host):
            reach.check(host)
    except NotPublicError as error:
        raise OutOfReachError(str(error)) from error


class _Body(httpx.AsyncByteStream):
    """The bytes of an answer as they come; closed before its end, it closes the connection."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._answer.content.iter_chunked(PIECE):
                yield piece
        except (aiohttp.ClientError, OSError) as error:
            raise _renamed(error) from error

    async def aclose(self) -> None:
        self._answer.close()


class _StaleError(Exception):
    """A kept connection cannot be used again; nothing was sent."""


class _Request(aiohttp.ClientRequest):
    """A request that looks at its connection first: a kept one on which anything came, be it its end, is not used.

    aiohttp knows what its event loop has read; what came since then, the kernel knows.
    """

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        """Send head and body; raises _StaleError before a byte of them."""
        if conn.protocol in _USED and _is_touched(conn):
            raise _StaleError
        _USED.add(conn.protocol)
        return await super().send(conn)


_USED = WeakSet[object]()


def _is_touched(connection: Connection) -> bool:
    if connection.transport is None or connection.protocol is None or connection.protocol.should_close:
        return True
    look = poll()
    look.register(connection.transport.get_extra_info("socket"), POLLIN)
    return bool(look.poll(0))


async def _once(request: aiohttp.ClientRequest, send: ClientHandlerType) -> aiohttp.ClientResponse:
    # aiohttp sends a PUT, GET or DELETE again when a kept connection breaks, though the first may have been obeyed. It
    # knows these breaks by its own errors; renamed here, below the place where it repeats, they end the call.
    while True:
        try:
            return await send(request)
        except _StaleError:
            continue  # that one is closed now; with the last of them gone, a new one is opened
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _renamed(error) from error


def _renamed(error: Exception) -> httpx.TransportError:
    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, NotPublicError):
        return OutOfReachError(str(error.os_error))
    name = type(error).__name__
    return next((told(name) for known, told in _NAMES if isinstance(error, known)), httpx.ReadError(name))


def _by_http(url: httpx.URL) -> bool:
    return url.scheme in {"http", "https"}


@cache
def _limits(connect: float, read: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(connect=connect, sock_read=read)


@cache
def secured() -> SSLContext:
    """Return whom to believe: the certificates that httpx would trust."""
    context = httpx.create_ssl_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


@lru_cache(maxsize=256)
def proxy_for(scheme: str, host: str) -> str | None:
    """Return the proxy that HTTPS_PROXY, HTTP_PROXY or ALL_PROXY name, unless NO_PROXY excepts the host."""
    named = getproxies()
    proxy = named.get(scheme) or named.get("all")
    if not proxy or proxy_bypass(host):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"
