"""How Instagram says no: the Graph API's error envelope, with a code, and a subcode where publishing is concerned."""

import json
import math

from deploy.sandbox.quotas import Standing
from deploy.sandbox.wire import Answer, Call, RefusedError, json_answer


def refused(
    code: int, message: str, subcode: int | None = None, *, status: int = 400, words: str = "", transient: bool = False
) -> RefusedError:
    """Return an error to raise; `words` are those for people."""
    kind = "IGApiException" if code in (-1, -2, 4, 9, 24, 25) else "OAuthException"
    error: dict[str, object] = {"message": message, "type": kind, "code": code}
    if subcode is not None:
        error |= {"error_subcode": subcode, "is_transient": transient}
    if words:
        error |= {"error_user_title": message, "error_user_msg": words}
    return RefusedError(json_answer({"error": {**error, "fbtrace_id": "ASandboxTrace"}}, status))


def missing(wanted: str, method: str = "get") -> RefusedError:
    """Return the error for an id that is not there, or not for this caller, or not for this method."""
    return refused(
        100,
        f"Unsupported {method} request. Object with ID '{wanted}' does not exist, cannot be loaded due to missing "
        "permissions, or does not support this operation",
        33,
    )


def bad_token() -> RefusedError:
    """Return the error for a token that never was one."""
    return refused(190, "Invalid OAuth access token - Cannot parse access token")


def unsupported(name: str, why: str) -> RefusedError:
    """Return the error for a parameter that the API does not take."""
    return refused(100, f"(#100) Param {name} {why}")


class InstagramRefusals:
    """The refusals that every platform has, as the Graph API words them."""

    def not_found(self, call: Call) -> Answer:
        """Answer for an unknown address."""
        return refused(2500, f"Unknown path components: {call.path}").answer

    def wrong_method(self, call: Call, allowed: str) -> Answer:
        """Answer for a wrong method."""
        return refused(100, f"Unsupported {call.method.lower()} request").answer

    def malformed(self, call: Call, reason: str) -> Answer:
        """Answer for an unreadable body."""
        return refused(100, f"(#100) {reason}").answer

    def too_large(self, call: Call, limit: int) -> Answer:
        """Answer for an oversized body."""
        return refused(100, "(#100) The request is too large", status=413).answer

    def rate_limited(self, call: Call, standing: Standing) -> Answer:
        """Answer for used-up calls; the header says in how many minutes there are more."""
        answer = refused(4, "(#4) Application request limit reached", status=403).answer
        minutes = max(1, math.ceil(standing.seconds / 60))
        told = {
            "type": "instagram",
            "call_count": 100,
            "total_cputime": 25,
            "total_time": 25,
            "estimated_time_to_regain_access": minutes,
        }
        answer.headers = [(b"x-business-use-case-usage", json.dumps({"17841400000000000": [told]}).encode())]
        return answer

    def broken(self, call: Call) -> Answer:
        """Answer for a failure of the server."""
        message = "An unexpected error has occurred. Please retry your request later."
        return refused(2, message, status=500, transient=True).answer

    def expired(self, call: Call) -> Answer:
        """Answer for a token whose time is over."""
        return refused(190, "Error validating access token: Session has expired.", 463).answer
