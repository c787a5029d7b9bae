"""What a video is: looked at by FFmpeg in a process of its own, so that a file which is made to hurt hurts nobody.

Nothing is transcoded: a video goes out as it came.
"""

import asyncio
import json
import resource
import sys
from fractions import Fraction
from io import BytesIO
from typing import NamedTuple

MOST_SECONDS = 20.0
"""How long a look may take."""
MOST_MEMORY = 2_000_000_000
"""Bytes of address space that it may take."""
MOST_SIDE = 16_384
QUARTER = 90
"""Degrees of a picture that lies on its side."""
TYPES = {"mov": "video/mp4", "mp4": "video/mp4", "webm": "video/webm", "matroska": "video/webm"}


class VideoError(Exception):
    """The file is no video that can be used; the text says why and what to give instead."""


class Film(NamedTuple):
    """A video's first picture stream, upright."""

    type: str
    codec: str
    """As FFmpeg names it, like `h264` and `vp9`."""
    width: int
    height: int
    seconds: float
    rate: float
    """Frames a second."""
    sound: str | None = None
    """The codec of the sound, if there is any."""


def is_video(content: bytes) -> bool:
    """Say whether the first bytes are those of MP4, QuickTime or WebM."""
    return content[4:8] == b"ftyp" or content.startswith(b"\x1aE\xdf\xa3")


async def look(content: bytes) -> Film:
    """Return what a video is; raises VideoError, also for one that takes too long or too much memory to look at."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "shared.adapter.video",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(MOST_SECONDS):
            out, _ = await process.communicate(content)
    except TimeoutError:
        raise VideoError(f"the video cannot be read within {MOST_SECONDS:.0f} seconds; give another copy") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    told = json.loads(out) if process.returncode == 0 else {"wrong": "the video is damaged; give another copy"}
    if "wrong" in told:
        raise VideoError(told["wrong"])
    return Film(**told)


def film_of(content: bytes) -> Film:
    """Look at a video in this process; raises VideoError."""
    import av

    try:
        with av.open(BytesIO(content), "r") as container:
            if not container.streams.video:
                raise VideoError("the file has no pictures; give a video")
            video = container.streams.video[0]
            seconds = float(Fraction(container.duration or 0, av.time_base))
            size = (video.codec_context.width, video.codec_context.height)
            first = next(container.decode(video=0), None)  # only a frame tells how it is turned
            width, height = reversed(size) if first and abs(first.rotation) == QUARTER else size
            sound = container.streams.audio[0].codec_context.name if container.streams.audio else None
            kind = _type(content, container.format.name)
            film = Film(kind, video.codec_context.name, width, height, seconds, float(video.average_rate or 0), sound)
    except (av.FFmpegError, ValueError, ArithmeticError, OSError) as error:
        raise VideoError(f"the video is damaged ({type(error).__name__}); give another copy") from error
    if not (0 < film.width <= MOST_SIDE and 0 < film.height <= MOST_SIDE) or film.seconds <= 0:
        raise VideoError("the video does not say how large or how long it is; give another copy")
    return film


def _type(content: bytes, name: str) -> str:
    if content[8:12] == b"qt  ":
        return "video/quicktime"
    return next((kind for form, kind in TYPES.items() if form in name.split(",")), "application/octet-stream")


def main() -> None:
    """Read a video from standard input, and write what it is as JSON."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (int(MOST_SECONDS), int(MOST_SECONDS)))
    try:
        told: dict[str, object] = film_of(sys.stdin.buffer.read())._asdict()
    except VideoError as error:
        told = {"wrong": str(error)}
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
