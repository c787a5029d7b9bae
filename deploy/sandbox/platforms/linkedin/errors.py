"""How LinkedIn says no: `{message, status, code}`, with `errorDetails` where a field of the body is at fault."""

from typing import Any

from deploy.sandbox.quotas import Standing
from deploy.sandbox.wire import Answer, Call, RefusedError, json_answer


def refused(status: int, code: str, message: str) -> RefusedError:
    """Return an error to raise."""
    return RefusedError(_answer({"message": message, "status": status, "code": code}))


def faulty(code: str, message: str, field: str, status: int = 400) -> RefusedError:
    """Return the error for a field of the body."""
    where = {"description": message, "input": {"inputPath": {"fieldPath": field}}, "code": code}
    told = {"message": message, "status": status, "code": code, "errorDetailType": "InputValidation"}
    return RefusedError(_answer({**told, "errorDetails": {"inputErrors": [where]}}))


def duplicate(urn: str) -> RefusedError:
    """Return the error for what was said a moment ago."""
    message = f"Content is a duplicate of {urn}"
    where = {"description": message, "code": "DUPLICATE_POST"}
    told = {"message": message, "status": 422, "code": "UNPROCESSABLE_ENTITY"}
    return RefusedError(_answer({**told, "errorDetails": {"inputErrors": [where]}}))


def not_found(what: str) -> RefusedError:
    """Return the error for something that is gone or never was."""
    return refused(404, "NOT_FOUND", f"Could not find entity {what}")


def denied(message: str = "Not enough permissions to access: partnerApi") -> RefusedError:
    """Return the error for what the token's owner may not do."""
    return refused(403, "ACCESS_DENIED", message)


def oauth_error(code: str, description: str, status: int = 400) -> RefusedError:
    """Return an error of the token endpoint (RFC 6749)."""
    return RefusedError(json_answer({"error": code, "error_description": description}, status))


def _answer(told: dict[str, Any]) -> Answer:
    return json_answer(told, told["status"], [(b"x-li-uuid", b"AAYsandbox=="), (b"x-li-request-id", b"SANDBOX")])


class LinkedInRefusals:
    """The refusals that every platform has, as LinkedIn words them."""

    def not_found(self, call: Call) -> Answer:
        """Answer for an unknown address."""
        return refused(404, "RESOURCE_NOT_FOUND", "No virtual resource found").answer

    def wrong_method(self, call: Call, allowed: str) -> Answer:
        """Answer for a wrong method."""
        return refused(405, "METHOD_NOT_ALLOWED", "Method not allowed").answer

    def malformed(self, call: Call, reason: str) -> Answer:
        """Answer for an unreadable body."""
        return refused(400, "INVALID_INPUT", f"Cannot parse the request: {reason}").answer

    def too_large(self, call: Call, limit: int) -> Answer:
        """Answer for an oversized body."""
        return refused(413, "REQUEST_ENTITY_TOO_LARGE", "Request entity too large").answer

    def rate_limited(self, call: Call, standing: Standing) -> Answer:
        """Answer for a used-up limit; no header says when it is full again."""
        message = "Resource level throttle APPLICATION_AND_MEMBER DAY limit for calls to this resource is reached."
        return refused(429, "TOO_MANY_REQUESTS", message).answer

    def broken(self, call: Call) -> Answer:
        """Answer for a failure of the server."""
        return refused(500, "INTERNAL_SERVER_ERROR", "Internal Server Error").answer

    def expired(self, call: Call) -> Answer:
        """Answer for a token that is over."""
        return refused(401, "EXPIRED_ACCESS_TOKEN", "The token used in the request has expired").answer
