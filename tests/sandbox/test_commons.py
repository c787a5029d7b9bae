"""Commons' stand-in answers from recorded files."""

import io

import httpx
from PIL import Image

API = "/commons/w/api.php"
ASK = {
    "action": "query",
    "format": "json",
    "formatversion": "2",
    "prop": "imageinfo|categories",
    "iiprop": "url|size|mime|sha1|timestamp|extmetadata",
    "iiurlwidth": "20",
}


async def test_recorded_and_missing_files(http: httpx.AsyncClient) -> None:
    titles = "File:alpha_one.png|File:Nothing.png"
    query = (await http.get(API, params={**ASK, "titles": titles})).json()["query"]
    assert query["normalized"][0]["to"] == "File:Alpha one.png"
    alpha, nothing = query["pages"]
    assert nothing == {"ns": 6, "title": "File:Nothing.png", "missing": True}
    info = alpha["imageinfo"][0]
    assert info["extmetadata"]["License"]["value"] == "cc-by-sa-4.0"
    assert alpha["categories"][0]["title"] == "Category:Tests"
    assert "bytes" not in alpha
    whole = await http.get(info["url"])
    assert whole.headers["content-type"] == "image/png"
    sizes = [Image.open(io.BytesIO((await http.get(url)).content)).size for url in (info["url"], info["thumburl"])]
    assert sizes == [(40, 30), (20, 15)]
    assert (info["thumbwidth"], info["thumbheight"]) == (20, 15)


async def test_only_what_was_asked(http: httpx.AsyncClient) -> None:
    ask = {**ASK, "prop": "imageinfo", "iiprop": "sha1", "titles": "File:Beta one.png"}
    page = (await http.post(API, data=ask)).json()["query"]["pages"][0]
    assert page["imageinfo"] == [{"sha1": "0" * 40}]
    assert "categories" not in page


async def test_entities(http: httpx.AsyncClient) -> None:
    ask = {"action": "wbgetentities", "format": "json", "ids": "M1|M2"}
    entities = (await http.get(API, params=ask)).json()["entities"]
    assert entities == {"M1": {"id": "M1", "statements": {"P275": []}}, "M2": {"id": "M2", "missing": ""}}


async def test_what_is_refused(http: httpx.AsyncClient) -> None:
    for change in ({"action": "edit"}, {"titles": "|".join(f"File:{n}.png" for n in range(51))}, {"format": "xml"}):
        answer = await http.get(API, params={**ASK, **change})
        assert answer.status_code == 200
        assert answer.headers["mediawiki-api-error"] == answer.json()["error"]["code"]
    assert (await http.get("/commons/media/../../etc/passwd")).status_code == 404
    assert (await http.get("/commons/media/other.png")).status_code == 404
