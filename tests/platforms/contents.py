"""What platforms are asked to publish: for each kind of post that a spec takes, one content."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from io import BytesIO

import av
from PIL import Image

from shared.adapter.form import Field
from shared.adapter.spec import Spec
from shared.content import Content, Kind, Media, Part, Poll


@dataclass
class Store:
    """Media by hash, as the media store has them; `served` is the address at which platforms find them."""

    served: str = ""
    kept: dict[str, bytes] = field(default_factory=dict)

    async def read(self, sha256: str) -> bytes:
        try:
            return self.kept[sha256]
        except KeyError as error:
            raise FileNotFoundError(sha256) from error

    async def part(self, sha256: str, start: int, end: int) -> bytes:
        return (await self.read(sha256))[start:end]

    def address(self, sha256: str) -> str:
        return f"{self.served}/{sha256}"

    def put(self, content: bytes) -> str:
        name = sha256(content).hexdigest()
        self.kept[name] = content
        return name


def picture(shade: int = 0, size: tuple[int, int] = (400, 400)) -> bytes:
    """Return a small PNG; another shade gives other bytes."""
    out = BytesIO()
    Image.new("RGB", size, (shade, 90, 140)).save(out, "PNG")
    return out.getvalue()


@cache
def film(shade: int = 0, seconds: int = 4, size: tuple[int, int] = (540, 960), rate: int = 24) -> bytes:
    """Return a small MP4, H.264 with silent AAC; upright, as reels and stories are."""
    out = BytesIO()
    with av.open(out, "w", format="mp4") as container:
        video = container.add_stream("libx264", rate=rate, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        sound = container.add_stream("aac", rate=44_100, layout="mono")
        frame = av.VideoFrame(*size, "yuv420p")
        for plane, level in zip(frame.planes, (shade, 90, 140), strict=True):
            plane.update(bytes([level]) * plane.buffer_size)
        for number in range(seconds * rate):
            frame.pts = number
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        for number in range(seconds * 44_100 // 1_024):
            silence = av.AudioFrame(format="fltp", layout="mono", samples=1_024)
            silence.planes[0].update(bytes(silence.planes[0].buffer_size))
            silence.sample_rate, silence.pts = 44_100, number * 1_024
            container.mux(sound.encode(silence))
        container.mux(sound.encode(None))
    return out.getvalue() + free(80_000 - out.tell())


def free(size: int) -> bytes:
    """Return a box that players pass over (ISO 14496-12): some platforms take no film as small as ours would be."""
    return size.to_bytes(4, "big") + b"free" + bytes(size - 8) if size >= 8 else b""


def text() -> Content:
    """A text with everything in it that is more than text."""
    return Content(text="Hello 👩‍🚀 #Wikipedia, see https://w.wiki/3 — thanks @wikipedia.org!", language="pt-BR")


def image(store: Store, number: int = 1) -> Content:
    """A text with pictures."""
    media = tuple(
        Media(asset=store.put(picture(n)), alt=f"A blue field, number {n}", credit="Ada, CC0") for n in range(number)
    )
    return Content(text="A picture", title="A field", media=media)


def video(store: Store, kind: Kind | None = None) -> Content:
    """A film with a title."""
    media = (Media(asset=store.put(film()), alt="A blue field", credit="Ada, CC0"),)
    return Content(text="A film", title="A field", media=media, kind=kind)


def thread(store: Store) -> Content:
    """Three parts, the second with a picture."""
    shown = Media(asset=store.put(picture(77)), alt="A field", credit="Ada, CC0")
    return Content(thread=(Part(text="One"), Part(text="Two", media=(shown,)), Part(text="Three")))


def poll(_store: Store) -> Content:
    """A question, open for a day: the one time that every platform with polls takes."""
    return Content(text="Which?", poll=Poll(options=("This", "That"), seconds=86_400))


def story(spec: Spec) -> Callable[[Store], Content]:
    """A picture, else a film, that is there for a day; it owes nobody a credit where it can show none."""

    def made(store: Store) -> Content:
        content = image(store) if spec.images else video(store)
        if Field.TEXT not in spec.lacks.get(Kind.STORY, ()):
            return content.model_copy(update={"kind": Kind.STORY})
        media = tuple(medium.model_copy(update={"credit": None}) for medium in content.media)
        return content.model_copy(update={"kind": Kind.STORY, "text": None, "media": media})

    return made


def offered(spec: Spec) -> Mapping[str, Callable[[Store], Content]]:
    """Return a content for each kind of post that a platform takes and that is about no other post."""
    known: Mapping[Kind, Callable[[Store], Content]] = {
        Kind.POST: lambda _: text(),
        Kind.IMAGE: image,
        Kind.CAROUSEL: lambda store: image(store, 2),
        Kind.VIDEO: video,
        Kind.REEL: lambda store: video(store, Kind.REEL),
        Kind.STORY: story(spec),
        Kind.THREAD: thread,
        Kind.POLL: poll,
    }
    return {str(kind): make for kind, make in known.items() if kind in spec.kinds}


def plain(spec: Spec, store: Store, words: str = "Hello", number: int = 0) -> Content:
    """Return the simplest post that a platform takes, with this text; another number gives other media."""
    if Kind.POST in spec.kinds:
        return Content(text=words)
    made = image(store) if spec.images else video(store)
    (medium,) = made.media
    if spec.images:
        medium = medium.model_copy(update={"asset": store.put(picture(number))})
    return made.model_copy(update={"text": words, "media": (medium.model_copy(update={"credit": None}),)})
