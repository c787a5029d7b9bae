"""How Bluesky says no: `{"error", "message"}` with the names of the XRPC specification and of the reference server."""

import math
from collections.abc import Callable

from deploy.sandbox.quotas import Standing
from deploy.sandbox.wire import Answer, Call, Headers, RefusedError, json_answer


def refused(error: str, message: str, status: int = 400) -> RefusedError:
    """Return an XRPC error to raise."""
    return RefusedError(json_answer({"error": error, "message": message}, status))


def invalid(message: str) -> RefusedError:
    """Return the error for a request that makes no sense."""
    return refused("InvalidRequest", message)


def broken() -> RefusedError:
    """Return the error that the reference server gives where it did not expect one, such as a record key in use."""
    return refused("InternalServerError", "Internal Server Error", 500)


def limit_headers(standing: Standing) -> Headers:
    """Return the rate limit headers; the reset is in epoch seconds."""
    return [
        (b"ratelimit-limit", b"%d" % standing.limit),
        (b"ratelimit-remaining", b"%d" % standing.remaining),
        (b"ratelimit-reset", b"%d" % standing.reset),
        (b"ratelimit-policy", b"%d;w=%d" % (standing.limit, standing.seconds)),
    ]


class XrpcRefusals:
    """The refusals that every platform has, as XRPC errors."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now

    def not_found(self, call: Call) -> Answer:
        """Answer for an unknown method."""
        return refused("MethodNotImplemented", "Method Not Implemented", 501).answer

    def wrong_method(self, call: Call, allowed: str) -> Answer:
        """Answer for GET where POST is due, or the reverse."""
        return invalid(f"Incorrect HTTP method ({call.method}) expected {allowed}").answer

    def malformed(self, call: Call, reason: str) -> Answer:
        """Answer for an unreadable body."""
        return invalid(reason).answer

    def too_large(self, call: Call, limit: int) -> Answer:
        """Answer for an oversized body."""
        return refused("PayloadTooLarge", "request entity too large", 413).answer

    def rate_limited(self, call: Call, standing: Standing) -> Answer:
        """Answer for a used-up limit."""
        answer = refused("RateLimitExceeded", "Rate Limit Exceeded", 429).answer
        wait = max(1, math.ceil(standing.reset - self._now()))
        answer.headers = [*limit_headers(standing), (b"retry-after", b"%d" % wait)]
        return answer

    def broken(self, call: Call) -> Answer:
        """Answer for a failure of the platform."""
        return broken().answer

    def expired(self, call: Call) -> Answer:
        """Answer for an access token past its time: 400, not 401."""
        return refused("ExpiredToken", "Token has expired").answer
