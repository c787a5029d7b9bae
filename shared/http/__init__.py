"""HTTP as every service speaks it: who may call, what went wrong and what would help, and whether it is well."""

from shared.http.app import service_app
from shared.http.auth import Caller, require
from shared.http.conditional import IfMatch, check_match, etag
from shared.http.problems import Problem, documented
from shared.http.translate import invalid

__all__ = ["Caller", "IfMatch", "Problem", "check_match", "documented", "etag", "invalid", "require", "service_app"]
