"""What Wikimedia Commons says about files, as the facts that rules read."""

import re
from collections.abc import Mapping, Sequence

from services.policy.facts import CommonsFile
from shared.adapter import commons
from shared.adapter.contract import Http

NO_TITLE = re.compile(r"[|#<>\[\]{}\x00-\x1f\x7f]")
"""What no title of a wiki page can hold (mediawiki.org/wiki/Manual:$wgLegalTitleChars); `|` would be two titles."""


class Commons:
    """Looks files up; an instance is a `services.policy.gather.Lookup`."""

    def __init__(self, http: Http, api: str) -> None:
        self._http = http
        self._api = api

    async def __call__(self, titles: Sequence[str]) -> Mapping[str, CommonsFile]:
        """Return the facts of each file; raises PlatformError."""
        askable = [title for title in titles if not NO_TITLE.search(title)]
        told = await commons.lookup(askable, self._http, self._api) if askable else {}
        return {title: facts_of(told.get(title)) for title in titles}


def facts_of(file: commons.CommonsFile | commons.Missing | None) -> CommonsFile:
    """Return what the rules read of what Commons says."""
    if not isinstance(file, commons.CommonsFile):
        return CommonsFile(found=False)
    return CommonsFile(
        license=file.rights.license,
        license_name=file.rights.license_name,
        non_free=file.non_free,
        restrictions=file.rights.restrictions,
        deletion_pending=file.rights.deletion_pending,
    )
