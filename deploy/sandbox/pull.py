"""Fetching what a caller offers at an address, as platforms do that pull media."""

import httpx

SECONDS = 10.0


class PullError(Exception):
    """There is nothing to fetch at the address; the text says why."""


async def pull(url: str, most: int) -> tuple[bytes, str]:
    """Return the bytes at an address, `most` of them at the most, and the media type its server says.

    No redirect is followed. Raises PullError.
    """
    if not url.isascii() or not url.startswith(("http://", "https://")):
        raise PullError("the address must be ASCII and begin with http:// or https://")
    try:
        async with (
            httpx.AsyncClient(timeout=SECONDS, trust_env=False) as client,
            client.stream("GET", url) as answer,
        ):
            if answer.status_code != httpx.codes.OK:
                raise PullError(f"its server answered {answer.status_code}")
            pieces, size = [], 0
            async for piece in answer.aiter_bytes():
                size += len(piece)
                if size > most:
                    raise PullError(f"it has more than {most} bytes")
                pieces.append(piece)
            return b"".join(pieces), answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise PullError(f"its server cannot be reached ({type(error).__name__})") from error
