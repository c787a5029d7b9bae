"""`/media/{sha256}`: the one thing here that needs no token, for platforms that fetch what is to be posted."""

import re
from typing import Annotated

from fastapi import APIRouter, FastAPI, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.datastructures import Headers

from shared.addresses import PATH, Addresses, WrongAddressError
from shared.http.app import bare_app
from shared.http.problems import Problem
from shared.media import MediaStore, Stored

RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")
REMEDY = "Ask for the address that the call to the platform gave."


def application(media: MediaStore, addresses: Addresses) -> FastAPI:
    """Return an app that serves media at their signed addresses, and nothing else."""
    app = bare_app("Carillon: media", "ingest", body_limit=1_000)
    app.include_router(routes(media, addresses))
    return app


def routes(media: MediaStore, addresses: Addresses) -> APIRouter:
    """Return the route."""
    router = APIRouter()

    @router.api_route(f"{PATH}/{{sha256}}", methods=["GET", "HEAD"], response_class=Response)
    async def medium(
        sha256: str, request: Request, until: Annotated[str, Query()] = "", signature: Annotated[str, Query()] = ""
    ) -> Response:
        """Return a medium's bytes, whole or the one range that is asked for."""
        try:
            addresses.check(sha256, until, signature)
            known = await media.stat(sha256)
        except (WrongAddressError, FileNotFoundError) as error:
            reason = str(error) if isinstance(error, WrongAddressError) else "the medium is gone"
            raise Problem(403, "wrong-address", f"It is not served: {reason}.", remedy=REMEDY) from error
        headers = {"ETag": f'"{sha256}"', "Accept-Ranges": "bytes", "X-Content-Type-Options": "nosniff"}
        whole = {**headers, "Content-Length": str(known.size)}
        if request.method == "HEAD":
            return Response(media_type=known.type, headers=whole)
        span = _span(request.headers, known)
        if span is None:
            return StreamingResponse(media.pieces(known), media_type=known.type, headers=whole)
        start, end = span
        headers["Content-Length"] = str(end - start)
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{known.size}"
        return StreamingResponse(media.stretch(sha256, start, end), 206, media_type=known.type, headers=headers)

    return router


def _span(asked: Headers, known: Stored) -> tuple[int, int] | None:
    """Return start and end of the range that is asked for; None for the whole, which any other wish gets too."""
    found = RANGE.fullmatch(asked.get("range", "").strip())
    if not found or found[0] == "bytes=-" or asked.get("if-range", f'"{known.sha256}"') != f'"{known.sha256}"':
        return None
    first, last = (int(number) if number else None for number in found.groups())
    if first is None:  # so many of the last bytes
        first, last = max(0, known.size - (last or 0)), None
    elif last is not None and last < first:
        return None
    if first < known.size:
        return first, min(last + 1 if last is not None else known.size, known.size)
    raise Problem(
        416,
        "no-such-range",
        f"The medium has {known.size} bytes.",
        remedy="Ask for an earlier range.",
        headers={"Content-Range": f"bytes */{known.size}"},
    )
