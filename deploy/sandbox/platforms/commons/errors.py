"""How MediaWiki says no: 200 with `{"error": {"code", "info"}}` and a header that repeats the code."""

from deploy.sandbox.quotas import Standing
from deploy.sandbox.wire import Answer, Call, RefusedError, json_answer


def refused(code: str, info: str, status: int = 200) -> RefusedError:
    """Return an API error to raise."""
    body = {"error": {"code": code, "info": info}, "servedby": "sandbox"}
    return RefusedError(json_answer(body, status, [(b"mediawiki-api-error", code.encode())]))


class CommonsRefusals:
    """The refusals that every platform has, as MediaWiki words them."""

    def not_found(self, call: Call) -> Answer:
        """Answer for an unknown address."""
        return Answer(404, b"<!DOCTYPE html><title>Not Found</title>", media_type=b"text/html; charset=utf-8")

    def wrong_method(self, call: Call, allowed: str) -> Answer:
        """Answer for a wrong method."""
        return Answer(405, headers=[(b"allow", allowed.encode())])

    def malformed(self, call: Call, reason: str) -> Answer:
        """Answer for unreadable parameters."""
        return refused("badparams", reason).answer

    def too_large(self, call: Call, limit: int) -> Answer:
        """Answer for an oversized body."""
        return Answer(413)

    def rate_limited(self, call: Call, standing: Standing) -> Answer:
        """Answer for too many requests."""
        info = "You've exceeded your rate limit. Please wait some time and try again."
        answer = refused("ratelimited", info, 429).answer
        answer.headers.append((b"retry-after", b"%d" % max(1, standing.seconds)))
        return answer

    def broken(self, call: Call) -> Answer:
        """Answer for a failure of the server."""
        return refused("internal_api_error_DBQueryError", "Caught exception of type DBQueryError", 500).answer

    def expired(self, call: Call) -> Answer:
        """Answer for a session that is over."""
        return refused("assertuserfailed", "You are no longer logged in, so the action could not be completed.").answer
