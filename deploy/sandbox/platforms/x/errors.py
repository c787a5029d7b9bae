"""How X says no: problem JSON, and rate limits in headers of their own."""

import math

from deploy.sandbox.quotas import Standing
from deploy.sandbox.wire import Answer, Call, Headers, RefusedError, json_answer

PROBLEMS = "https://api.x.com/2/problems/"
_TITLES = {400: "Invalid Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found Error"}


def refused(status: int, detail: str, kind: str = "about:blank", title: str = "") -> RefusedError:
    """Return a problem to raise; `kind` is the last word of its type."""
    address = kind if kind == "about:blank" else PROBLEMS + kind
    body = {"title": title or _TITLES.get(status, "Error"), "detail": detail, "type": address, "status": status}
    return RefusedError(json_answer(body, status))


def invalid(detail: str) -> RefusedError:
    """Return the problem of a request that says something X does not take."""
    return refused(400, detail, "invalid-request")


def forbidden(detail: str) -> RefusedError:
    """Return the problem of something that is known and not allowed."""
    return refused(403, detail)


def missing(kind: str, which: str) -> dict[str, str]:
    """Return the partial error of something that is not there, as it stands beside `data`."""
    return {
        "resource_id": which,
        "resource_type": kind,
        "parameter": "ids",
        "value": which,
        "title": "Not Found Error",
        "detail": f"Could not find {kind} with ids: [{which}].",
        "type": f"{PROBLEMS}resource-not-found",
    }


def limit_headers(standing: Standing) -> Headers:
    """Return the rate limit headers; the end of the window in whole seconds since 1970."""
    return [
        (b"x-rate-limit-limit", b"%d" % standing.limit),
        (b"x-rate-limit-remaining", b"%d" % standing.remaining),
        (b"x-rate-limit-reset", b"%d" % math.ceil(standing.reset)),
    ]


class XRefusals:
    """The refusals that every platform has, as X words them."""

    def not_found(self, call: Call) -> Answer:
        """Answer for an unknown address."""
        return refused(404, "", title="Not Found").answer

    def wrong_method(self, call: Call, allowed: str) -> Answer:
        """Answer for a wrong method."""
        return refused(405, f"Only {allowed} may be called here.", title="Method Not Allowed").answer

    def malformed(self, call: Call, reason: str) -> Answer:
        """Answer for an unreadable body."""
        return invalid(f"One or more parameters to your request was invalid: {reason}").answer

    def too_large(self, call: Call, limit: int) -> Answer:
        """Answer for an oversized body."""
        return refused(413, f"The body has more than {limit} bytes.", title="Payload Too Large").answer

    def rate_limited(self, call: Call, standing: Standing) -> Answer:
        """Answer for a used-up limit."""
        answer = refused(429, "Too Many Requests", title="Too Many Requests").answer
        answer.headers += limit_headers(standing)
        return answer

    def broken(self, call: Call) -> Answer:
        """Answer for a failure of the server."""
        return refused(503, "Service Unavailable", title="Service Unavailable").answer

    def expired(self, call: Call) -> Answer:
        """Answer for a token that is over or wrong."""
        return refused(401, "Unauthorized").answer
