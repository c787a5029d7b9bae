"""The records of Commons files belong to the bytes beside them, and every picture is credited."""

import hashlib
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from PIL import Image

SAMPLES = Path(__file__).parents[2] / "deploy" / "samples"
RECORDS = sorted((SAMPLES / "commons").glob("*.json"))
MEDIA = sorted((SAMPLES / "media").iterdir())
README = (SAMPLES / "README.md").read_text(encoding="utf-8")
LARGEST = 300_000
LARGEST_FOLDER = 2_000_000


def read(file: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return document


@pytest.mark.parametrize("file", RECORDS, ids=lambda file: file.stem)
def test_a_record_describes_its_bytes(file: Path) -> None:
    page = read(file)
    (info,) = page["imageinfo"]
    media = SAMPLES / "media" / page["bytes"]
    picture = media.read_bytes()
    assert hashlib.sha1(picture, usedforsecurity=False).hexdigest() == info["sha1"]
    assert len(picture) == info["size"] <= LARGEST
    with Image.open(media) as image:
        assert image.size == (info["width"], info["height"])
        assert Image.MIME[image.format or ""] == info["mime"]


@pytest.mark.parametrize("file", RECORDS, ids=lambda file: file.stem)
def test_a_record_has_the_addresses_that_commons_gives_its_title(file: Path) -> None:
    page = read(file)
    name = page["title"].removeprefix("File:").replace(" ", "_")
    digest = hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()
    (info,) = page["imageinfo"]
    assert info["url"] == f"https://upload.wikimedia.org/wikipedia/commons/{digest[0]}/{digest[:2]}/{name}"
    assert info["descriptionurl"] == f"https://commons.wikimedia.org/wiki/File:{name}"


@pytest.mark.parametrize("file", RECORDS, ids=lambda file: file.stem)
def test_a_record_is_credited_in_the_readme_or_marked_as_made_by_hand(file: Path) -> None:
    page = read(file)
    if "recorded_by_hand" in page:
        assert file.name in README
        assert "License" not in page["imageinfo"][0]["extmetadata"]
        return
    (row,) = [line for line in README.splitlines() if line.startswith(f"| `{page['bytes']}`")]
    assert page["title"].removeprefix("File:") in row
    assert page["imageinfo"][0]["extmetadata"]["Artist"]["value"] in row
    assert quote(page["title"].replace(" ", "_"), safe=":(),") in row


def test_every_picture_is_named_in_the_readme_and_used_by_a_record_or_sent_by_a_request() -> None:
    used = {read(file)["bytes"] for file in RECORDS}
    for file in (SAMPLES / "requests").glob("*.json"):
        used |= read(file).get("uploads", {}).keys()
    assert used == {file.name for file in MEDIA}
    assert [file.name for file in MEDIA if f"`{file.name}`" not in README] == []


def test_the_pictures_show_at_least_three_kinds_of_licence() -> None:
    codes = {read(file)["imageinfo"][0]["extmetadata"].get("License", {}).get("value") for file in RECORDS}
    assert codes >= {"pd", "cc0", "cc-by-3.0", "cc-by-sa-3.0"}


def test_the_folder_stays_small() -> None:
    assert sum(file.stat().st_size for file in SAMPLES.rglob("*") if file.is_file()) < LARGEST_FOLDER
