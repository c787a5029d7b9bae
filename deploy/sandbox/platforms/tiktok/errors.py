"""How TikTok answers: `{"data": …, "error": {"code", "message", "log_id"}}`, `ok` being a code too; OAuth is flat."""

from hashlib import sha256
from typing import Any

from deploy.sandbox.quotas import Standing
from deploy.sandbox.wire import Answer, Call, RefusedError, json_answer


def log_id(call: Call) -> str:
    """Return an id as answers carry them, for support."""
    return "20261101" + sha256(call.path.encode() + call.body[:200]).hexdigest()[:24].upper()


def answered(call: Call, data: dict[str, Any]) -> Answer:
    """Return data with the code that says all is well."""
    return json_answer({"data": data, "error": {"code": "ok", "message": "", "log_id": log_id(call)}})


def refused(call: Call, status: int, code: str, message: str = "") -> RefusedError:
    """Return an error to raise."""
    return RefusedError(
        json_answer({"data": {}, "error": {"code": code, "message": message, "log_id": log_id(call)}}, status)
    )


def invalid(call: Call, message: str) -> RefusedError:
    """Return the error for a request whose fields are wrong: the code does not say which."""
    return refused(call, 400, "invalid_param", message)


def not_granted(call: Call, code: str, message: str) -> RefusedError:
    """Return an OAuth error: beside HTTP 200, as the endpoint answers it."""
    return RefusedError(json_answer({"error": code, "error_description": message, "log_id": log_id(call)}))


class TikTokRefusals:
    """The refusals that every platform has, as TikTok words them."""

    def not_found(self, call: Call) -> Answer:
        """Answer for an unknown address."""
        return refused(call, 404, "unsupported_path", "Unsupported path(Janus)").answer

    def wrong_method(self, call: Call, allowed: str) -> Answer:
        """Answer for a wrong method."""
        return refused(call, 405, "method_not_allowed", f"Use {allowed}").answer

    def malformed(self, call: Call, reason: str) -> Answer:
        """Answer for an unreadable body."""
        return invalid(call, f"The request body is invalid: {reason}").answer

    def too_large(self, call: Call, limit: int) -> Answer:
        """Answer for an oversized body."""
        return refused(call, 413, "invalid_file_upload", f"More than {limit} bytes").answer

    def rate_limited(self, call: Call, standing: Standing) -> Answer:
        """Answer for a used-up limit; no header says when it ends."""
        return refused(call, 429, "rate_limit_exceeded", "The API rate limit was exceeded. Please try later.").answer

    def broken(self, call: Call) -> Answer:
        """Answer for a failure of the server."""
        return refused(call, 500, "internal_error", "Something went wrong. Please try again later.").answer

    def expired(self, call: Call) -> Answer:
        """Answer for a token that is over."""
        message = "The access token is invalid or not found in the request."
        return refused(call, 401, "access_token_invalid", message).answer
