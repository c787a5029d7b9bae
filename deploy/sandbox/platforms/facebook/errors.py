"""How the Graph API says no: an envelope with code and subcode, 400 for nearly everything."""

import json
import math
from collections.abc import Callable
from typing import Any

from deploy.sandbox.quotas import Standing
from deploy.sandbox.wire import Answer, Call, Headers, RefusedError, json_answer


def refused(
    code: int, message: str, *, status: int = 400, subcode: int | None = None, transient: bool = False, **more: Any
) -> RefusedError:
    """Return an error to raise."""
    error: dict[str, Any] = {"message": message, "type": "OAuthException", "code": code, **more}
    if subcode is not None:
        error["error_subcode"] = subcode
    if transient:
        error["is_transient"] = True
    error["fbtrace_id"] = "ASandboxTrace"
    return RefusedError(json_answer({"error": error}, status))


def bad_parameter(message: str, subcode: int | None = None) -> RefusedError:
    """Return the error for a parameter that can't be."""
    return refused(100, f"(#100) {message}", subcode=subcode)


def not_there(node: str) -> RefusedError:
    """Return the error for an object that is gone, or never was."""
    message = (
        f"Unsupported request. Object with ID '{node}' does not exist, cannot be loaded due to missing permissions, "
        "or does not support this operation"
    )
    return refused(100, message, subcode=33)


def bad_token(message: str, subcode: int | None = None) -> RefusedError:
    """Return the error for a token that opens nothing."""
    return refused(190, message, status=401, subcode=subcode)


def usage(page: str, standing: Standing, now: float) -> Headers:
    """Return the header that says how much of the Page's calls is used up, and when they are back, in minutes."""
    share = 100 - int(standing.share_left * 100)
    wait = 0 if standing.remaining else max(1, math.ceil((standing.reset - now) / 60))
    told = {"type": "pages", "call_count": share, "total_cputime": share, "total_time": share}
    value = {page: [{**told, "estimated_time_to_regain_access": wait}]}
    return [(b"x-business-use-case-usage", json.dumps(value).encode())]


class FacebookRefusals:
    """The refusals that every platform has, as Facebook words them."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now

    def not_found(self, call: Call) -> Answer:
        """Answer for an unknown address."""
        return refused(2500, f"Unknown path components: {call.path}").answer

    def wrong_method(self, call: Call, allowed: str) -> Answer:
        """Answer for a wrong method."""
        return bad_parameter(f"Unsupported {call.method.lower()} request").answer

    def malformed(self, call: Call, reason: str) -> Answer:
        """Answer for an unreadable body."""
        return bad_parameter(f"Invalid parameter: {reason}").answer

    def too_large(self, call: Call, limit: int) -> Answer:
        """Answer for an oversized body."""
        return refused(
            1, "Please reduce the amount of data you're asking for, then retry your request", status=413
        ).answer

    def rate_limited(self, call: Call, standing: Standing) -> Answer:
        """Answer for a used-up limit; the header tells the minutes."""
        message = "(#80001) There have been too many calls to this Page account. Wait a bit and try again."
        answer = refused(80_001, message).answer
        answer.headers = usage("0", standing, self._now())
        return answer

    def broken(self, call: Call) -> Answer:
        """Answer for a failure of the platform; it tells nothing of what was done."""
        message = "An unexpected error has occurred. Please retry your request later."
        return refused(2, message, status=500, transient=True).answer

    def expired(self, call: Call) -> Answer:
        """Answer for a token that is over."""
        return bad_token("Error validating access token: Session has expired.", 463).answer
