"""The action API (formatversion 2): query with imageinfo and categories, wbgetentities; and the files themselves.

Facts recorded with a file (hash, size, pixels, licence) are answered as recorded; only addresses are rewritten.
"""

import asyncio
import io
import mimetypes
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote

from PIL import Image

from deploy.sandbox.platforms.commons.errors import refused
from deploy.sandbox.platforms.commons.recorded import RecordedFile, read_samples
from deploy.sandbox.wire import Answer, Call, MalformedError, json_answer

MOST_TITLES = 50
PROPERTIES = {
    "url": ("url", "descriptionurl", "descriptionshorturl"),
    "size": ("size", "width", "height", "duration"),
    "mime": ("mime",),
    "sha1": ("sha1",),
    "timestamp": ("timestamp",),
    "user": ("user",),
    "mediatype": ("mediatype",),
    "extmetadata": ("extmetadata",),
}


class Api:
    """The handlers; the recorded files are read once, at the start."""

    def __init__(self, samples: Path) -> None:
        self.files = read_samples(samples)
        self._by_page = {str(file.page.get("pageid")): file for file in self.files.values()}
        self._media = {file.media.name: file.media for file in self.files.values() if file.media}

    async def get(self, call: Call) -> Answer:
        """Answer an API request with its parameters in the query."""
        return self._answer(call, {name: values[-1] for name, values in call.params().items()})

    async def post(self, call: Call) -> Answer:
        """Answer an API request with its parameters in a form."""
        try:
            form = parse_qs(call.body.decode(), keep_blank_values=True, max_num_fields=1000)
        except ValueError as error:
            raise MalformedError("the form can't be read") from error
        query = {name: values[-1] for name, values in call.params().items()}
        return self._answer(call, query | {name: values[-1] for name, values in form.items()})

    async def media(self, call: Call) -> Answer:
        """Return a file's bytes; with `?width=` a picture scaled down to it."""
        path = self._media.get(call.args["name"])
        if path is None:
            return Answer(404, b"File not found", media_type=b"text/plain")
        kind = (mimetypes.guess_type(path.name)[0] or "application/octet-stream").encode()
        width = call.params().get("width", [""])[0]
        if width.isdecimal() and len(width) < 5 and int(width) > 0 and kind.startswith(b"image/"):
            return Answer(200, await asyncio.to_thread(scaled, path, int(width)), media_type=kind)
        return Answer(200, await asyncio.to_thread(path.read_bytes), media_type=kind)

    def _answer(self, call: Call, params: dict[str, str]) -> Answer:
        action = params.get("action", "")
        if params.get("format") != "json":
            raise refused("unknown_format", "The sandbox speaks format=json only.")
        if action == "query":
            if params.get("formatversion") != "2":
                raise refused("unknown_formatversion", "The sandbox speaks formatversion=2 only.")
            return json_answer({"batchcomplete": True, "query": self._query(call, params)})
        if action == "wbgetentities":
            return json_answer({"entities": self._entities(params), "success": 1})
        raise refused("badvalue", f'Unrecognized value for parameter "action": {action}.')

    def _query(self, call: Call, params: dict[str, str]) -> dict[str, Any]:
        asked = [title for title in params.get("titles", "").split("|") if title]
        if len(asked) > MOST_TITLES:
            raise refused(
                "toomanyvalues", f'Too many values supplied for parameter "titles". The limit is {MOST_TITLES}.'
            )
        titles = {title: normal(title) for title in asked}
        normalized = [
            {"fromencoded": False, "from": title, "to": name} for title, name in titles.items() if title != name
        ]
        pages = [self._page(call, name, params) for name in dict.fromkeys(titles.values())]
        return ({"normalized": normalized} if normalized else {}) | {"pages": pages}

    def _page(self, call: Call, title: str, params: dict[str, str]) -> dict[str, Any]:
        file = self.files.get(title)
        if file is None:
            return {"ns": 6, "title": title, "missing": True}
        wanted = params.get("prop", "").split("|")
        page = {key: value for key, value in file.page.items() if key not in ("imageinfo", "categories")}
        if "imageinfo" in wanted and "imageinfo" in file.page:
            page["imageinfo"] = [self._info(call, file, info, params) for info in file.page["imageinfo"]]
        if "categories" in wanted and "categories" in file.page:
            page["categories"] = file.page["categories"]
        return {"ns": 6, "imagerepository": "local", **page}

    def _info(self, call: Call, file: RecordedFile, info: dict[str, Any], params: dict[str, str]) -> dict[str, Any]:
        keys = [key for name in params.get("iiprop", "timestamp|user").split("|") for key in PROPERTIES.get(name, ())]
        shown = {key: info[key] for key in keys if key in info}
        if "url" in shown and file.media:
            shown["url"] = f"{call.base}/media/{quote(file.media.name)}"
            shown |= thumbnail(shown["url"], info, params.get("iiurlwidth", ""))
        return shown

    def _entities(self, params: dict[str, str]) -> dict[str, Any]:
        ids = [one for one in params.get("ids", "").split("|") if one]
        if not ids:
            raise refused("param-missing", 'Either provide the item "ids" or pairs of "sites" and "titles".')
        return {one: self._entity(one) for one in ids[:MOST_TITLES]}

    def _entity(self, entity_id: str) -> dict[str, Any]:
        file = self._by_page.get(entity_id.removeprefix("M"))
        return file.entity if file and file.entity else {"id": entity_id, "missing": ""}


def normal(title: str) -> str:
    """Return a title as MediaWiki writes it: blanks, and a capital after the namespace."""
    space, colon, name = title.replace("_", " ").strip().partition(":")
    if not colon or space.strip().lower() not in ("file", "image"):
        return title
    name = name.strip()
    return f"File:{name[:1].upper()}{name[1:]}"


def thumbnail(url: str, info: dict[str, Any], width: str) -> dict[str, Any]:
    """Return the fields of a scaled picture, none where it is no smaller."""
    full, high = info.get("width"), info.get("height")
    if not (width.isdecimal() and len(width) < 6 and isinstance(full, int) and isinstance(high, int)):
        return {}
    if int(width) >= full or not str(info.get("mime", "")).startswith("image/"):
        return {"thumburl": url, "thumbwidth": full, "thumbheight": high}
    return {
        "thumburl": f"{url}?width={width}",
        "thumbwidth": int(width),
        "thumbheight": round(high * int(width) / full),
    }


def scaled(path: Path, width: int) -> bytes:
    """Return a picture no wider than `width`, in its own format."""
    with Image.open(path) as picture:
        if picture.width <= width:
            return path.read_bytes()
        small = picture.resize((width, max(1, round(picture.height * width / picture.width))))
        out = io.BytesIO()
        small.save(out, picture.format)
    return out.getvalue()
