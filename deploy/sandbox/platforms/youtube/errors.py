"""How Google says no: `error` with a code, a message, and a reason in a domain."""

from deploy.sandbox.quotas import Standing
from deploy.sandbox.wire import Answer, Call, RefusedError, json_answer

DAY = 86_400


def refused(status: int, reason: str, message: str, domain: str = "youtube.video") -> RefusedError:
    """Return an error to raise."""
    one = {"message": message, "domain": domain, "reason": reason}
    return RefusedError(json_answer({"error": {"code": status, "message": message, "errors": [one]}}, status))


def bad(reason: str, message: str) -> RefusedError:
    """Return the error for a request that cannot be done as it is."""
    return refused(400, reason, message)


def parameter(reason: str, message: str) -> RefusedError:
    """Return the error for parameters that are missing or unknown."""
    return refused(400, reason, message, "youtube.parameter")


def not_found(reason: str, message: str) -> RefusedError:
    """Return the error for something that is gone or never was."""
    return refused(404, reason, message)


def unauthorized(reason: str = "authError", message: str = "Invalid Credentials") -> RefusedError:
    """Return the error for a token that is missing, wrong or over."""
    return refused(401, reason, message, "global")


class GoogleRefusals:
    """The refusals that every platform has, as Google words them."""

    def not_found(self, call: Call) -> Answer:
        """Answer for an unknown address: in HTML, as Google's front does."""
        return Answer(404, b"<!DOCTYPE html><title>Error 404 (Not Found)!!1</title>", media_type=b"text/html")

    def wrong_method(self, call: Call, allowed: str) -> Answer:
        """Answer for a wrong method: nothing is served there."""
        return self.not_found(call)

    def malformed(self, call: Call, reason: str) -> Answer:
        """Answer for an unreadable body."""
        return refused(400, "parseError", f"Parse Error: {reason}", "global").answer

    def too_large(self, call: Call, limit: int) -> Answer:
        """Answer for an oversized body."""
        return refused(413, "uploadTooLarge", "Request is too large.", "global").answer

    def rate_limited(self, call: Call, standing: Standing) -> Answer:
        """Answer for a used-up limit: a quota of the day, or else too many calls at once; neither says how long."""
        if standing.seconds >= DAY:
            message = "The request cannot be completed because you have exceeded your quota."
            return refused(403, "quotaExceeded", message, "youtube.quota").answer
        return refused(429, "rateLimitExceeded", "Rate Limit Exceeded", "usageLimits").answer

    def broken(self, call: Call) -> Answer:
        """Answer for a failure of the server."""
        return refused(500, "backendError", "Backend Error", "global").answer

    def expired(self, call: Call) -> Answer:
        """Answer for a token that is over."""
        return unauthorized().answer
