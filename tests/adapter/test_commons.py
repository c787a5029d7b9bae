"""What Commons says is read with its traps: HTML, hidden words, missing and hidden files, lag, continuation."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from shared.adapter.client import HttpClient
from shared.adapter.commons import Commons, CommonsFile, Missing, download, lookup
from shared.adapter.errors import Rejected, TryLater
from shared.adapter.markup import plain
from tests.adapter.wire import Wire, reply

ARTIST = '<bdi><a href="//x">Ada &amp; Bob</a></bdi><span style="display: none;">Creator:Ada</span>'


def page(title: str, said: dict[str, str] | None = None, categories: tuple[str, ...] = ()) -> dict[str, Any]:
    info = {
        "url": "https://upload.wikimedia.org/a.jpg",
        "descriptionurl": "https://commons.wikimedia.org/wiki/File:A.jpg",
        "thumburl": "https://upload.wikimedia.org/thumb/a.jpg",
        "mime": "image/jpeg",
        "size": 9,
        "width": 4000,
        "height": 3000,
        "sha1": "ab",
        "extmetadata": {name: {"value": value} for name, value in (said or {}).items()},
    }
    return {
        "pageid": 7,
        "title": title,
        "imageinfo": [info],
        "categories": [{"title": f"Category:{name}"} for name in categories],
    }


@pytest.fixture
async def commons() -> AsyncIterator[HttpClient]:
    async with HttpClient(Commons(), contact="https://carillon.example; ops@carillon.example", deadline=5) as client:
        yield client


async def one(wire: Wire, commons: HttpClient, told: dict[str, Any]) -> CommonsFile | Missing:
    wire.always(reply(200, {"query": {"pages": [told]}}))
    return (await lookup(["File:A.jpg"], commons, wire.url))["File:A.jpg"]


async def test_a_free_file(wire: Wire, commons: HttpClient) -> None:
    said = {
        "License": "cc-by-sa-4.0",
        "LicenseShortName": "CC BY-SA 4.0",
        "LicenseUrl": "//creativecommons.org/licenses/by-sa/4.0",
        "Artist": ARTIST,
        "Restrictions": "personality|trademarked",
        "AuthorCount": "2",
    }
    file = await one(wire, commons, page("File:A.jpg", said))
    assert isinstance(file, CommonsFile)
    rights = file.rights
    assert (rights.title, rights.author, rights.license) == ("A", "Ada & Bob", "cc-by-sa-4.0")
    assert rights.license_url == "https://creativecommons.org/licenses/by-sa/4.0"
    assert rights.restrictions == ("personality", "trademarked")
    assert rights.attribution_required
    assert not rights.deletion_pending
    assert (file.page_id, file.width, file.sha1, file.authors, file.non_free) == (7, 4000, "ab", 2, False)
    asked = parse_qs(urlsplit(wire.asked[0][0].split(" ")[1]).query)
    assert (asked["formatversion"], asked["maxlag"], asked["titles"]) == (["2"], ["5"], ["File:A.jpg"])


@pytest.mark.parametrize(
    ("said", "categories", "pending"),
    [
        ({"DeletionReason": "copyvio"}, (), True),
        ({}, ("Deletion requests November 2026",), True),
        ({}, ("Media missing permission as of 3 May 2026",), True),
        ({"Restrictions": ""}, ("Astronauts",), False),
    ],
)
async def test_an_open_deletion(
    wire: Wire, commons: HttpClient, said: dict[str, str], categories: tuple[str, ...], pending: bool
) -> None:
    file = await one(wire, commons, page("File:A.jpg", said, categories))
    assert isinstance(file, CommonsFile)
    assert (file.rights.deletion_pending, file.rights.license, file.rights.restrictions) == (pending, None, ())


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ({"title": "File:A.jpg", "missing": True}, Missing("File:A.jpg")),
        ({"title": "File:A.jpg", "invalid": True}, Missing("File:A.jpg")),
        ({"title": "File:A.jpg", "imageinfo": [{"filehidden": True}]}, Missing("File:A.jpg", hidden=True)),
    ],
)
async def test_what_is_not_there(wire: Wire, commons: HttpClient, told: dict[str, Any], found: Missing) -> None:
    assert await one(wire, commons, told) == found


async def test_titles_are_followed_through_normalisation_and_redirect(wire: Wire, commons: HttpClient) -> None:
    query = {
        "normalized": [{"from": "file:a_b.jpg", "to": "File:A b.jpg"}],
        "redirects": [{"from": "File:A b.jpg", "to": "File:C.jpg"}],
        "pages": [page("File:C.jpg")],
    }
    wire.always(reply(200, {"query": query}))
    found = await lookup(["file:a_b.jpg"], commons, wire.url)
    assert found["file:a_b.jpg"].title == "File:C.jpg"


async def test_categories_go_on_over_several_answers(wire: Wire, commons: HttpClient) -> None:
    first = {"continue": {"clcontinue": "7|X", "continue": "||"}, "query": {"pages": [page("File:A.jpg")]}}
    second = {"title": "File:A.jpg", "categories": [{"title": "Category:Deletion requests 2026"}]}

    def answer(head: str, _body: bytes) -> bytes:
        return reply(200, {"query": {"pages": [second]}} if "clcontinue" in head else first)

    wire.answer = answer
    file = (await lookup(["File:A.jpg"], commons, wire.url))["File:A.jpg"]
    assert isinstance(file, CommonsFile)
    assert file.rights.deletion_pending


async def test_a_lagging_database_is_asked_again_later(wire: Wire, commons: HttpClient) -> None:
    wire.always(reply(200, {"error": {"code": "maxlag", "info": "Waiting"}}, {"retry-after": "5"}))
    with pytest.raises(TryLater) as caught:
        await lookup(["File:A.jpg"], commons, wire.url)
    assert caught.value.after == 5
    wire.always(reply(200, {"error": {"code": "badvalue"}}))
    with pytest.raises(Rejected, match="badvalue"):
        await lookup(["File:A.jpg"], commons, wire.url)


async def test_fifty_titles_at_the_most(commons: HttpClient) -> None:
    with pytest.raises(ValueError, match="50 titles at once, not 51"):
        await lookup(["File:A.jpg"] * 51, commons)
    assert await lookup([], commons) == {}


async def test_bytes_come_from_commons_only(wire: Wire, commons: HttpClient) -> None:
    wire.always(reply(200, b"jpeg", {"content-type": "image/jpeg"}))
    assert (await download(f"{wire.url}/media/a.jpg", commons, 10, f"{wire.url}/w/api.php")).content == b"jpeg"
    for elsewhere in (
        "http://169.254.169.254/latest",
        "http://upload.wikimedia.org/a.jpg",
        "https://upload.wikimedia.org.evil.example/a.jpg",
        "https://upload.wikimedia.org@evil.example/a.jpg",
        "https://upload.wikimedia.org:8443/a.jpg",
        "file:///etc/passwd",
        "",
    ):
        with pytest.raises(Rejected, match="not a host of Wikimedia Commons"):
            await download(elsewhere, commons, 10, f"{wire.url}/w/api.php")
    assert len(wire.asked) == 1


@pytest.mark.parametrize(
    ("markup", "words"),
    [
        ("plain  words", "plain words"),
        ("a<br>b &lt;c&gt;", "a b <c>"),
        ("<p>a</p><p>b</p>", "a b"),
        ('<span style="display:none">x</span>y', "y"),
        ("</div>y<b>z", "yz"),
        ("<img src=x>y", "y"),
    ],
)
def test_markup_is_read_as_a_reader_sees_it(markup: str, words: str) -> None:
    assert plain(markup) == words
