"""The recorded files: one JSON document per file of Commons, with the name of a file that lends its bytes."""

import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class BadSampleError(ValueError):
    """A recorded file can't be used."""


@dataclass(frozen=True, slots=True)
class RecordedFile:
    """One file page as the API gave it, its entity (structured data) if recorded, and where its bytes are."""

    page: dict[str, Any]
    media: Path | None
    entity: dict[str, Any] | None

    @property
    def title(self) -> str:
        """The page's title, with `File:` and blanks."""
        return str(self.page["title"])


def read_samples(folder: Path) -> dict[str, RecordedFile]:
    """Return every `commons/*.json` of a folder by title; raises BadSampleError. No folder means no files."""
    found = (read_one(path, folder / "media") for path in sorted((folder / "commons").glob("*.json")))
    return {one.title: one for one in found}


def read_one(path: Path, media: Path) -> RecordedFile:
    """Return one recorded file, with a made-up page id if none was recorded; raises BadSampleError naming the fault."""
    try:
        page = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise BadSampleError(f"{path}: not JSON: {error}") from error
    if not isinstance(page, dict) or not str(page.get("title", "")).startswith("File:"):
        raise BadSampleError(f"{path}: title must be a text that starts with 'File:'")
    name, entity = page.pop("bytes", None), page.pop("entity", None)
    if name is not None and not (media / str(name)).is_file():
        raise BadSampleError(f"{path}: bytes names {name!r}, which is not in {media}")
    page.setdefault("pageid", zlib.crc32(page["title"].encode()))
    return RecordedFile(page, media / str(name) if name is not None else None, entity)
