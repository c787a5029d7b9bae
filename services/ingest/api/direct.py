"""A route past the framework's dependencies, for the road that nearly all requests take."""

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.types import Receive, Scope, Send


class Direct(APIRoute):
    """Hands the request to its function and sends what that returns.

    Solving dependencies costs as much as checking, rendering and hashing a post. So the function takes the request and
    nothing else, and what it reads from it is told to OpenAPI in `openapi_extra`.
    """

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; what the function raises is told as it is for every route, by the application."""
        if scope["method"] not in (self.methods or ()):
            await super().handle(scope, receive, send)
            return
        response = await self.endpoint(Request(scope, receive, send))
        await response(scope, receive, send)
