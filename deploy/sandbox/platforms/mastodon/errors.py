"""How Mastodon says no: `{"error": text}`, and rate limits with an ISO 8601 reset."""

from deploy.sandbox.platforms.mastodon.moments import iso
from deploy.sandbox.quotas import Standing
from deploy.sandbox.wire import Answer, Call, Headers, RefusedError, json_answer


def refused(status: int, message: str) -> RefusedError:
    """Return an error to raise."""
    return RefusedError(json_answer({"error": message}, status))


def unprocessable(message: str) -> RefusedError:
    """Return the error for content that can't be posted."""
    return refused(422, message)


def not_found(message: str = "Record not found") -> RefusedError:
    """Return the error for something that is gone or never was."""
    return refused(404, message)


def limit_headers(standing: Standing) -> Headers:
    """Return the rate limit headers."""
    return [
        (b"x-ratelimit-limit", b"%d" % standing.limit),
        (b"x-ratelimit-remaining", b"%d" % standing.remaining),
        (b"x-ratelimit-reset", iso(standing.reset, digits=6).encode()),
    ]


class MastodonRefusals:
    """The refusals that every platform has, as Mastodon words them."""

    def not_found(self, call: Call) -> Answer:
        """Answer for an unknown address."""
        return not_found("Not Found").answer

    def wrong_method(self, call: Call, allowed: str) -> Answer:
        """Answer for a wrong method: Rails knows no such route."""
        return not_found("Not Found").answer

    def malformed(self, call: Call, reason: str) -> Answer:
        """Answer for an unreadable body."""
        return refused(400, f"There was a problem in the parameters you submitted: {reason}").answer

    def too_large(self, call: Call, limit: int) -> Answer:
        """Answer for an oversized body."""
        return refused(413, "Payload Too Large").answer

    def rate_limited(self, call: Call, standing: Standing) -> Answer:
        """Answer for a used-up limit."""
        answer = refused(429, "Too many requests").answer
        answer.headers = limit_headers(standing)
        return answer

    def broken(self, call: Call) -> Answer:
        """Answer for a failure of the server."""
        return refused(500, "We're sorry, but something went wrong on our end.").answer

    def expired(self, call: Call) -> Answer:
        """Answer for a token that was revoked."""
        return refused(401, "The access token was revoked").answer
