"""A route past the framework's dependencies, for the road that nearly all requests take."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute


class Direct(APIRoute):
    """Hands the request to its function and sends what that returns.

    Solving dependencies costs as much as checking, rendering and hashing a post. So the function takes the request and
    nothing else, and what it reads from it is told to OpenAPI in `openapi_extra`.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the function itself."""
        handler: Callable[[Request], Coroutine[Any, Any, Response]] = self.endpoint
        return handler
