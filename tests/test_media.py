"""The media store keeps what it is given, once, on each kind of store."""

import asyncio
import hashlib
from pathlib import Path

import pytest

from shared.media import CorruptMediaError, MediaStore

PICTURE = b"\x89PNG" + bytes(300_000)
NAME = hashlib.sha256(PICTURE).hexdigest()


@pytest.fixture(params=["disk", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> MediaStore:
    return MediaStore(f"file://{tmp_path}/a%20new/folder" if request.param == "disk" else "memory:///")


async def test_what_is_put_is_read_under_its_digest(store: MediaStore) -> None:
    stored = await store.put(PICTURE, "image/png")
    assert stored == (NAME, len(PICTURE), "image/png")
    assert await store.read(NAME) == PICTURE
    assert await store.stat(NAME) == stored
    assert await store.exists(NAME)


async def test_putting_the_same_again_changes_nothing(store: MediaStore) -> None:
    first, *others = await asyncio.gather(*(store.put(PICTURE, "image/png") for _ in range(5)))
    assert others == [first] * 4
    assert (await store.put(PICTURE, "application/octet-stream")).type == "image/png"


async def test_what_is_not_there_is_not_found(store: MediaStore) -> None:
    for name in ("0" * 64, "", "../../etc/passwd", NAME.upper(), NAME + "\n"):
        assert not await store.exists(name)
        with pytest.raises(FileNotFoundError):
            await store.read(name)


async def test_a_half_written_medium_is_put_again(tmp_path: Path) -> None:
    store = MediaStore(f"file://{tmp_path}")
    await store.put(PICTURE, "image/png")
    (tmp_path / NAME[:2] / f"{NAME}.json").unlink()
    assert not await store.exists(NAME)
    assert (await store.put(PICTURE, "image/png")).sha256 == NAME
    assert await store.exists(NAME)


async def test_bytes_that_changed_are_not_handed_out(tmp_path: Path) -> None:
    store = MediaStore(f"file://{tmp_path}")
    await store.put(PICTURE, "image/png")
    (tmp_path / NAME[:2] / NAME).write_bytes(b"something else")
    with pytest.raises(CorruptMediaError):
        await store.read(NAME)


async def test_a_relative_address_is_below_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    await MediaStore("file://./.local/media").put(b"x", "text/plain")
    assert (tmp_path / ".local" / "media").is_dir()


def test_an_unknown_kind_of_store_is_refused() -> None:
    with pytest.raises(ValueError, match="MEDIA_URL"):
        MediaStore("ftp://somewhere")
