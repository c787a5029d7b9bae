"""What a video is, and what becomes of files that are none, or that are made to hurt."""

import asyncio
import struct
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.adapter import video
from shared.adapter.compose import Draft, Needed, Shown
from shared.adapter.limits_media import media_broken
from shared.adapter.spec import VideoLimit
from shared.adapter.video import Film, VideoError, is_video, look
from shared.content import Kind, Media
from shared.payload import Rendition
from tests.adapter.specs import SMALL
from tests.platforms.contents import film


async def test_a_video_says_what_it_is() -> None:
    assert is_video(film())
    assert await look(film()) == Film("video/mp4", "h264", 540, 960, 4.0, 24.0, "aac")
    assert (await look(film(seconds=2, size=(640, 360), rate=30)))[2:6] == (640, 360, 2.0, 30.0)


@pytest.mark.parametrize(
    "content",
    [
        film()[:3_000],
        film()[:12] + bytes(5_000),
        b"\x00\x00\x00\x18ftypmp42" + bytes(16),
        b"\x1aE\xdf\xa3" + b"\xff" * 4_000,
        b"\x00\x00\x00\x18ftypmp42" + struct.pack(">I4s", 0xFFFFFFFF, b"moov") + b"\xff" * 100,
    ],
    ids=["cut off", "without its insides", "empty", "noise", "a box larger than the file"],
)
async def test_a_broken_video_is_told_in_words(content: bytes) -> None:
    with pytest.raises(VideoError, match=r"give another copy|give a video"):
        await look(content)


async def test_a_look_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video, "MOST_SECONDS", 0.001)
    with pytest.raises(VideoError, match="cannot be read within"):
        await look(film())
    monkeypatch.undo()
    assert len(set(await asyncio.gather(look(film()), look(film(1))))) == 1


LIMIT = VideoLimit(
    bytes=1_000_000,
    types=("video/mp4",),
    shortest=timedelta(seconds=3),
    longest=timedelta(seconds=60),
    ratio=(0.5, 1.0),
    sides=(540, 1_920),
    rate=(23, 60),
)
FITS = {"size": 900, "width": 540, "height": 960, "seconds": 30.0, "codec": "h264", "rate": 29.97}


@pytest.mark.parametrize(
    ("change", "limit"),
    [
        ({}, None),
        ({"size": 1_000_001}, "bytes"),
        ({"type": "video/webm"}, "type"),
        ({"codec": "vp9"}, "codec"),
        ({"rate": 15.0}, "rate"),
        ({"seconds": 2.5}, "time"),
        ({"seconds": 61.0}, "time"),
        ({"width": 1_200, "height": 960}, "ratio"),
        ({"width": 500}, "side"),
        ({"height": 2_000, "width": 1_100}, "side"),
    ],
)
def test_what_does_not_fit_is_named(change: dict[str, object], limit: str | None) -> None:
    form = Rendition.model_validate({"sha256": "0" * 64, "type": "video/mp4", **FITS, **change})
    shown = Shown(Needed(Media(asset="0" * 64), "/media/0", None), form, "")
    draft = Draft("", "", (), (shown,))
    found = list(media_broken(Kind.REEL, draft, replace(SMALL, videos={Kind.REEL: LIMIT})))
    assert [one.limit for one in found] == ([limit] if limit else [])
    assert all("; " in one.message for one in found)
