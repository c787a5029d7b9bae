"""How Threads says no: the Graph API's envelope, `{"error": {message, type, code, error_subcode, fbtrace_id}}`."""

from deploy.sandbox.quotas import Standing
from deploy.sandbox.wire import Answer, Call, RefusedError, json_answer


def refused(code: int, message: str, subcode: int | None = None, *, status: int = 400) -> RefusedError:
    """Return an error to raise."""
    error = {
        "message": message,
        "type": "THApiException" if code in {1, 2, 24} else "OAuthException",
        "code": code,
        **({"error_subcode": subcode} if subcode else {}),
        "is_transient": code == 2,
        "fbtrace_id": "Asandboxsandboxsandbox",
    }
    return RefusedError(json_answer({"error": error}, status))


def invalid(message: str) -> RefusedError:
    """Return the error for a parameter that can't be taken."""
    return refused(100, f"(#100) {message}")


def missing(node: str) -> RefusedError:
    """Return the error for an object that is gone, never was, or is not the caller's."""
    return refused(
        100,
        f"Unsupported request. Object with ID '{node}' does not exist, cannot be loaded due to missing permissions, "
        "or does not support this operation",
        33,
    )


def not_ready() -> RefusedError:
    """Return the error for publishing a container that is not there, or not yet."""
    return refused(24, "The requested resource does not exist", 4279009)


def wrong_token() -> RefusedError:
    """Return the error for a token that opens nothing."""
    return refused(190, "Invalid OAuth access token - Cannot parse access token")


class ThreadsRefusals:
    """The refusals that every platform has, as the Graph API words them."""

    def not_found(self, call: Call) -> Answer:
        """Answer for an unknown address."""
        return refused(2500, f"Unknown path components: {call.path}").answer

    def wrong_method(self, call: Call, allowed: str) -> Answer:
        """Answer for a wrong method."""
        return invalid(f"Unsupported {call.method.lower()} request").answer

    def malformed(self, call: Call, reason: str) -> Answer:
        """Answer for an unreadable body."""
        return invalid(reason).answer

    def too_large(self, call: Call, limit: int) -> Answer:
        """Answer for an oversized body."""
        return invalid("The request is too large").answer

    def rate_limited(self, call: Call, standing: Standing) -> Answer:
        """Answer for a used-up limit; no header of this host says when it ends."""
        return refused(4, "(#4) Application request limit reached", status=403).answer

    def broken(self, call: Call) -> Answer:
        """Answer for a failure of the server."""
        return refused(2, "An unexpected error has occurred. Please retry your request later.", status=500).answer

    def expired(self, call: Call) -> Answer:
        """Answer for a token that is over."""
        return refused(190, "Error validating access token: Session has expired", 463).answer
