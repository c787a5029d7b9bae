"""Uploaded films: what their first streams are."""

import io
from dataclasses import dataclass

import av


@dataclass(frozen=True, slots=True)
class Film:
    """A film that can be opened."""

    codec: str
    width: int
    height: int
    seconds: float
    rate: float
    """Frames a second."""
    sound: str | None = None
    """The sound's codec."""


def film_of(data: bytes) -> Film | None:
    """Return what a film is, None where it can't be read as one."""
    try:
        with av.open(io.BytesIO(data), "r") as container:
            if not container.streams.video:
                return None
            video = container.streams.video[0]
            sound = container.streams.audio[0].codec_context.name if container.streams.audio else None
            seconds = float(container.duration or 0) / av.time_base
            size = video.codec_context.width, video.codec_context.height
            return Film(video.codec_context.name, *size, seconds, float(video.average_rate or 0), sound)
    except (av.FFmpegError, ValueError, OSError):
        return None
