"""media.* (C43, C44): media are freely licensed, in the public domain, the Foundation's own, or used by permission.

| case                                                        | rule                   | weight |
|-------------------------------------------------------------|------------------------|--------|
| public domain, CC0, CC BY, CC BY-SA                         | none                   | pass   |
| a written permission on record                              | none                   | pass   |
| missing or suppressed on Commons, deletion asked for        | media.deletion_pending | block  |
| non-free, NC, ND, all rights reserved, no licence given     | media.licence_denied   | block  |
| by permission, and none on record                           | media.permission       | block  |
| free on Commons, but not Creative Commons; unclear         | media.licence_unknown  | review |
| the Foundation's own, by the caller's word                  | media.ownership        | review |
| personality rights, trademarks and the like                 | media.restriction      | review |
| Commons could not be asked                                  | media.lookup_failed    | review |
"""

import re
from collections.abc import Iterable

from services.policy.facts import CommonsFile, Facts, renditions
from services.policy.judge import Finding, Pack, block, review
from shared.content import Owner, Rights
from shared.payload import Payload, Rendition

FREE, EXCEPTION = "C43", "C44"
PASSES = re.compile(r"^(cc0|cc-pd|pd|cc-by(-sa)?-\d\.\d(-[a-z]{2}|-scotland)?)$")
DENIED = re.compile(
    r"(^|[^a-z])(nc|nd|non-?commercial|no-?deriv\w*|fair[ -]use|non-?free|all rights reserved)([^a-z]|$)|©"
)


def check(payload: Payload, facts: Facts, _: Pack) -> Iterable[Finding]:
    """Judge the licence of every medium, by what Commons says if it is from there, else by what the caller says."""
    for place, medium in renditions(payload):
        if medium.commons is None:
            yield from _by_word(f"{place}/rights", medium.rights or Rights())
        elif (file := facts.files.get(medium.commons)) is None:
            yield _not_asked(place, medium.commons)
        else:
            yield from _by_commons(place, medium, file)


def _by_commons(place: str, medium: Rendition, file: CommonsFile) -> Iterable[Finding]:
    at = f"{place}/commons"
    if not file.found or file.deletion_pending:
        yield _going(at, medium.commons or "", there=file.found)
    if file.restrictions:
        yield _restricted(at, file.restrictions)
    if medium.rights and medium.rights.permission:
        return
    if file.found:
        yield from _licence(at, file.license, file.license_name, non_free=file.non_free)


def _by_word(at: str, rights: Rights) -> Iterable[Finding]:
    if rights.deletion_pending:
        yield _going(at, rights.title or "the file", there=True)
    if rights.restrictions:
        yield _restricted(at, rights.restrictions)
    if rights.permission:
        return
    if _passes(rights.license):
        return
    if rights.owner is Owner.WMF:
        yield review(
            "media.ownership",
            FREE,
            f"{at}/owner",
            "The medium is said to be the Foundation's own.",
            "Show a person what proves it, or give the free licence that it was published under.",
        )
    elif rights.owner is Owner.PERMISSION:
        yield block(
            "media.permission",
            EXCEPTION,
            f"{at}/permission",
            "The medium is used by its author's permission, and none is on record.",
            "Record who allowed what, when, and where the writing is kept.",
        )
    else:
        yield from _licence(f"{at}/license", rights.license, rights.license_name, non_free=False)


def _licence(at: str, licence: str | None, name: str | None, *, non_free: bool) -> Iterable[Finding]:
    """Judge one licence, by its id or else its short name."""
    said = licence or name
    if non_free or not said or DENIED.search(said.casefold()):
        yield block(
            "media.licence_denied",
            FREE,
            at,
            f"The licence “{said[:80]}” is not a free one."
            if said
            else "No licence is given, so all rights are reserved.",
            "Use a medium in the public domain or under CC0, CC BY or CC BY-SA, or record its author's permission.",
        )
    elif not _passes(licence):
        yield review(
            "media.licence_unknown",
            FREE,
            at,
            f"The licence “{said[:80]}” is not one that passes by itself: a person judges it.",
            "Use a medium in the public domain or under CC0, CC BY or CC BY-SA, or let the team decide.",
        )


def _passes(licence: str | None) -> bool:
    return licence is not None and PASSES.match(licence.strip().casefold().replace(" ", "-")) is not None


def _going(at: str, title: str, *, there: bool) -> Finding:
    message = f"Commons may delete {title}: its licence, source or permission is in question."
    return block(
        "media.deletion_pending",
        FREE,
        at,
        message if there else f"Commons has no file {title}, or no longer shows it.",
        "Choose another medium, or wait until Commons has settled the question.",
    )


def _restricted(at: str, restrictions: Iterable[str]) -> Finding:
    return review(
        "media.restriction",
        FREE,
        at,
        f"Besides copyright, this applies to the medium: {', '.join(sorted(restrictions))}.",
        "Let a person see that the use is lawful, or choose another medium.",
    )


def _not_asked(place: str, title: str) -> Finding:
    return review(
        "media.lookup_failed",
        FREE,
        f"{place}/commons",
        f"Commons could not be asked about {title}.",
        "Let a person check the file's page, or send the post again later.",
    )
