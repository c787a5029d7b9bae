"""Lists in a query, as Rest.li 2.0 writes them: `ids=List(urn%3Ali%3Ashare%3A1,urn%3Ali%3Ashare%3A2)`."""

import re
from urllib.parse import unquote

from deploy.sandbox.platforms.linkedin.errors import refused
from deploy.sandbox.wire import Call


def listed(call: Call, name: str) -> list[str]:
    """Return a list of the query, empty where it is missing; its brackets must not be encoded, its colons must be."""
    query = call.query.decode("latin-1")
    found = re.search(rf"(?:^|&){name}=([^&]*)", query)
    if found is None:
        return []
    whole = re.fullmatch(r"List\(([^():]*)\)", found[1])
    if whole is None:
        raise refused(400, "ILLEGAL_ARGUMENT", f"Invalid query parameters: {name} is no encoded List(...)")
    return [unquote(one) for one in whole[1].split(",") if one]
