"""What Wikimedia Commons says about its files: whose they are, under which licence, and where their bytes are."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from shared.adapter.contract import Answer, Fetch, Fetched, Http
from shared.adapter.errors import PlatformError, Rejected, TryLater
from shared.adapter.markup import plain
from shared.adapter.reach import Network, Reach
from shared.adapter.spec import Midnight
from shared.content import Owner, Rights

API = "https://commons.wikimedia.org/w/api.php"
HOSTS = frozenset({"commons.wikimedia.org", "upload.wikimedia.org"})
MOST_TITLES = 50
"""Titles in one call (mediawiki.org/wiki/API:Query)."""
SCALED_WIDTH = 3840
"""The widest rendering that upload.wikimedia.org serves to everybody (mediawiki.org/wiki/Common_thumbnail_sizes)."""
MOST_ROUNDS = 20
DELETION = (
    "Deletion requests ",
    "Media without a license as of ",
    "Media without a source as of ",
    "Media missing permission as of ",
)
"""How the categories of files begin that may be deleted soon."""


@dataclass(frozen=True, slots=True)
class Commons:
    """Commons as a service for `HttpClient`."""

    name: str = "commons"
    errors: Mapping[tuple[int | None, str | None], type[PlatformError]] = field(
        default_factory=lambda: {(403, None): Rejected}  # what a User-Agent without contact gets
    )
    codes: tuple[str, ...] = ("error.code",)
    waits: Mapping[str, timedelta | Midnight] = field(default_factory=dict)
    of_app: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class CommonsFile:
    """A file as Commons has it now."""

    title: str
    page_id: int
    url: str
    """Where the original is."""
    scaled_url: str
    """Where a rendering is, SCALED_WIDTH pixels wide at the most: a JPEG or PNG also where the original is neither."""
    mime: str
    size: int
    width: int
    height: int
    sha1: str
    rights: Rights
    authors: int
    """How many authors Commons counts; with more than one, `rights.author` may not name them all."""
    non_free: bool
    """Whether any template on its page says that it is not free."""


@dataclass(frozen=True, slots=True)
class Missing:
    """There is no such file, or it is hidden."""

    title: str
    hidden: bool = False


def reach(api: str, networks: Iterable[Network]) -> Reach:
    """Return where Commons may be: at public addresses, in these networks, and where `api` is an IP address, there."""
    return Reach.of(api, networks, "COMMONS_NETWORKS")


async def lookup(titles: Sequence[str], http: Http, api: str = API) -> Mapping[str, CommonsFile | Missing]:
    """Return what Commons says about up to 50 titles, by the title asked for; raises PlatformError."""
    if len(titles) > MOST_TITLES:
        raise ValueError(f"Commons answers about {MOST_TITLES} titles at once, not {len(titles)}")
    if not titles:
        return {}
    pages: dict[str, dict[str, Any]] = {}
    aliases: dict[str, str] = {}
    going_on: Mapping[str, Any] = {}
    for _ in range(MOST_ROUNDS):
        told = _checked(await http.call("GET", api, operation="query", mutates=False, params=_asked(titles, going_on)))
        _collect(told.get("query", {}), pages, aliases)
        going_on = told.get("continue", {})
        if not going_on:
            break
    else:
        raise TryLater(f"commons query: not answered in {MOST_ROUNDS} rounds")
    return {title: _file(title, pages, aliases) for title in titles}


async def download(url: str, http: Fetch, most: int, api: str = API) -> Fetched:
    """Return the bytes of a file, `most` at the most.

    Only Commons' own hosts are asked, and the one of `api`; another address is Rejected before anything is sent.
    """
    asked, base = urlsplit(url), urlsplit(api)
    own = (asked.scheme, asked.netloc) == (base.scheme, base.netloc)
    if not own and not (asked.scheme == "https" and asked.netloc in HOSTS):
        raise Rejected(f"commons download: {asked.hostname} is not a host of Wikimedia Commons")
    return await http.fetch(url, operation="download", most=most)


def _asked(titles: Sequence[str], going_on: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "action": "query",
        "format": "json",
        "formatversion": 2,
        "redirects": 1,
        "maxlag": 5,
        "prop": "imageinfo|categories",
        "iiprop": "url|size|mime|sha1|extmetadata",
        "iiextmetadatalanguage": "en",  # 'Copyrighted' is worked out from the English words
        "iiurlwidth": SCALED_WIDTH,
        "cllimit": "max",
        "titles": "|".join(titles),
        **going_on,
    }


def _checked(answer: Answer) -> dict[str, Any]:
    """Refuse an error, which MediaWiki sends with status 200: a lagging database is a matter of time."""
    told = answer.json if isinstance(answer.json, dict) else {}
    if not (error := told.get("error")):
        return told
    code = str(error.get("code", ""))[:60]
    if code in {"maxlag", "ratelimited", "readonly"} or code.startswith("internal_api_error"):
        wait = answer.headers.get("retry-after", "")
        raise TryLater(f"commons query: {code}", float(wait) if wait.isdigit() else None)
    raise Rejected(f"commons query: {code}")


def _collect(query: Mapping[str, Any], pages: dict[str, dict[str, Any]], aliases: dict[str, str]) -> None:
    """Join what one round says with what the rounds before said."""
    for kind in ("normalized", "redirects"):
        aliases |= {step["from"]: step["to"] for step in query.get(kind, [])}
    for page in query.get("pages", []):
        known = pages.setdefault(page["title"], {})
        categories = [*known.get("categories", []), *page.get("categories", [])]
        known |= page
        known["categories"] = categories


def _file(asked: str, pages: Mapping[str, dict[str, Any]], aliases: Mapping[str, str]) -> CommonsFile | Missing:
    title = aliases.get(asked, asked)
    title = aliases.get(title, title)
    page = pages.get(title, {})
    info = (page.get("imageinfo") or [{}])[0]
    if "filehidden" in info:
        return Missing(title, hidden=True)
    if page.get("missing") or page.get("invalid") or "url" not in info:
        return Missing(title)
    said = {name: field.get("value", "") for name, field in (info.get("extmetadata") or {}).items()}
    categories = [category["title"].partition(":")[2] for category in page["categories"]]
    return CommonsFile(
        title=title,
        page_id=int(page.get("pageid", 0)),
        url=info["url"],
        scaled_url=info.get("thumburl") or info["url"],
        mime=info.get("mime", ""),
        size=int(info.get("size", 0)),
        width=int(info.get("width", 0)),
        height=int(info.get("height", 0)),
        sha1=info.get("sha1", ""),
        rights=_rights(title, info, said, categories),
        authors=int(said["AuthorCount"]) if str(said.get("AuthorCount", "")).isdigit() else 1,
        non_free=_true(said.get("NonFree", "")),
    )


def _rights(title: str, info: Mapping[str, Any], said: Mapping[str, Any], categories: Iterable[str]) -> Rights:
    doomed = bool(said.get("DeletionReason")) or any(name.startswith(DELETION) for name in categories)
    return Rights(
        owner=Owner.COMMONS,
        title=_line(title.removeprefix("File:").rpartition(".")[0] or title),
        author=_line(plain(str(said.get("Artist", "")))),
        source=info.get("descriptionurl"),
        license=_line(str(said.get("License", ""))),
        license_name=_line(plain(str(said.get("LicenseShortName", "")))),
        license_url=_address(str(said.get("LicenseUrl", ""))),
        attribution_required=str(said.get("AttributionRequired", "true")).lower() != "false",
        restrictions=tuple(filter(None, str(said.get("Restrictions", "")).split("|"))),
        deletion_pending=doomed,
    )


def _true(value: object) -> bool:
    return str(value).lower() in {"true", "1", "yes"}


def _line(text: str) -> str | None:
    return text[:500].strip() or None


def _address(text: str) -> str | None:
    """Keep a licence's address; Commons writes some without a scheme."""
    address = f"https:{text}" if text.startswith("//") else text
    return address if address.startswith(("http://", "https://")) and urlsplit(address).hostname else None
