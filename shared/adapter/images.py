"""A picture in the form that fits its platform: scaled, re-encoded, upright, and rid of all it need not tell."""

from collections.abc import Iterator
from io import BytesIO
from math import ceil
from typing import NamedTuple

from PIL import Image, ImageOps, UnidentifiedImageError

from shared.adapter.spec import ImageLimit

READ = ("JPEG", "PNG", "WEBP", "GIF", "TIFF")
MOST_BYTES = 100_000_000
MOST_PIXELS = 80_000_000
"""Width times height of an original that is opened at all; a JPEG of that size is decoded at half its sides."""
MOST_DECODED = 40_000_000
"""Width times height of what is decoded: at four bytes a pixel, 160 MB."""
FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}
QUALITIES = (90, 82, 74)
SMALLEST_SIDE = 32
_ARTIST, _COPYRIGHT = 0x013B, 0x8298


class ImageError(Exception):
    """The picture cannot be used; the text says why and what to give instead."""


class Fitted(NamedTuple):
    """A picture that fits."""

    content: bytes
    type: str
    width: int
    height: int


def fit(original: bytes, limit: ImageLimit) -> Fitted:
    """Return the picture within a limit; the same bytes in give the same bytes out. Raises ImageError.

    EXIF orientation is applied; of the metadata only colour profile, artist and copyright stay. Nothing is cropped or
    enlarged; a picture of another shape than the limit's gets white bars. It is slow and takes memory, so call it in a
    thread.
    """
    if len(original) > MOST_BYTES:
        raise ImageError(f"the file has {len(original)} bytes, more than {MOST_BYTES}; give a smaller one")
    try:
        with _opened(original) as image:
            _check(image)
            _read_smaller(image, _target(image.size, limit))
            kept, source = _Kept.of(image), image.format or ""
            return _smallest_change(_barred(_upright(image), limit.ratio), limit, kept, source)
    except ImageError:
        raise
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, TypeError) as error:
        # Pillow's decoders raise any of these on broken data.
        raise ImageError(f"the picture is damaged ({type(error).__name__}); give another copy") from error


def _opened(original: bytes) -> Image.Image:
    try:
        return Image.open(BytesIO(original), formats=READ)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(f"the picture has more than {MOST_PIXELS} pixels; give a smaller one") from error
    except UnidentifiedImageError as error:
        raise ImageError(f"the file is no picture that can be read; give one of {', '.join(READ)}") from error


def _check(image: Image.Image) -> None:
    """Refuse by what the header says, before anything is decoded."""
    if image.width * image.height > MOST_PIXELS:
        raise ImageError(_too_many(image.size, MOST_PIXELS))
    if image.format in {"GIF", "PNG", "WEBP"} and getattr(image, "is_animated", False):
        raise ImageError("the picture moves, and would stand still after fitting; give a still one, or a video")


def _read_smaller(image: Image.Image, target: tuple[int, int]) -> None:
    """Have a JPEG decoded at a fraction of its sides where that is enough, or all that memory allows."""
    width, height = image.size
    if width * height > MOST_DECODED:
        target = min(target[0], width // 2), min(target[1], height // 2)
    image.draft(None, target)
    if image.width * image.height > MOST_DECODED:
        raise ImageError(_too_many(image.size, MOST_DECODED))


def _too_many(size: tuple[int, int], most: int) -> str:
    return f"the picture has {size[0]} × {size[1]} pixels, more than {most} in all; give a smaller one"


class _Kept(NamedTuple):
    """The metadata that stays."""

    profile: bytes | None
    exif: bytes

    @classmethod
    def of(cls, image: Image.Image) -> "_Kept":
        source, kept = image.getexif(), Image.Exif()
        for tag in (_ARTIST, _COPYRIGHT):
            if value := source.get(tag):
                kept[tag] = value
        colours = image.info.get("icc_profile") if image.mode in {"RGB", "RGBA", "P", "L", "LA"} else None
        return cls(colours or None, kept.tobytes() if len(kept) else b"")


def _upright(image: Image.Image) -> Image.Image:
    """Decode, turn as EXIF says, and bring to a mode that every encoder takes, without its metadata."""
    ImageOps.exif_transpose(image, in_place=True)
    seen_through = image.mode in {"LA", "PA", "La", "RGBa"} or "transparency" in image.info
    if image.mode.startswith("I;16"):
        image = image.point(lambda value: value / 256).convert("L")
    if image.mode not in {"RGB", "RGBA", "L"} or seen_through:
        image = image.convert("RGBA" if seen_through else "L" if image.mode == "1" else "RGB")
    image.info = {}
    return image


def _barred(image: Image.Image, ratio: tuple[float, float] | None) -> Image.Image:
    """Put white bars at two sides of a picture that is too wide or too tall for its platform."""
    width, height = image.size
    if ratio is None or ratio[0] <= width / height <= ratio[1]:
        return image
    size = (ceil(height * ratio[0]), height) if width / height < ratio[0] else (width, ceil(width / ratio[1]))
    ground = Image.new("RGB", size, "white")
    place = (size[0] - width) // 2, (size[1] - height) // 2
    ground.paste(image, place, image.getchannel("A") if image.mode == "RGBA" else None)
    return ground


def _target(size: tuple[int, int], limit: ImageLimit) -> tuple[int, int]:
    """Return the greatest size of the same shape within the limit's side and pixels."""
    width, height = size
    scale = min(1.0, (limit.side or max(size)) / max(size), (limit.width or width) / width)
    if limit.pixels:
        scale = min(scale, (limit.pixels / (width * height)) ** 0.5)
    return max(1, int(width * scale)), max(1, int(height * scale))


def _smallest_change(image: Image.Image, limit: ImageLimit, kept: _Kept, source: str) -> Fitted:
    """Try types and qualities from the best to the smallest, then scale down until the bytes fit."""
    size = _target(image.size, limit)
    while min(size) >= min(SMALLEST_SIDE, *image.size):
        scaled = image if size == image.size else _scaled(image, size)
        for kind, options in _forms(scaled, limit, source):
            content = _encoded(scaled, FORMATS[kind], options, kept)
            if len(content) <= limit.bytes:
                return Fitted(content, kind, *scaled.size)
        size = (max(1, size[0] * 3 // 4), max(1, size[1] * 3 // 4))
    raise ImageError(f"the picture does not fit into {limit.bytes} bytes at any size; give a simpler one")


def _scaled(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Scale down; a little only, the finer filter would show no difference and take twice as long."""
    little = size[0] * 2 > image.width
    filter_ = Image.Resampling.HAMMING if little else Image.Resampling.LANCZOS
    return image.resize(size, filter_, reducing_gap=2.0)


def _forms(image: Image.Image, limit: ImageLimit, source: str) -> Iterator[tuple[str, dict[str, int]]]:
    """Give what to try: drawings as PNG first, photographs by falling quality."""
    lossless = source not in {"JPEG", "MPO"}
    if lossless and "image/png" in limit.types:
        yield "image/png", {"compress_level": 6}
    for kind in ("image/jpeg", "image/webp"):
        if kind in limit.types:
            yield from ((kind, {"quality": quality}) for quality in QUALITIES)
            return
    if not lossless and "image/png" in limit.types:
        yield "image/png", {"compress_level": 6}


def _encoded(image: Image.Image, form: str, options: dict[str, int], kept: _Kept) -> bytes:
    flat = _on_white(image) if form == "JPEG" and image.mode == "RGBA" else image
    out = BytesIO()
    flat.save(out, form, icc_profile=kept.profile, exif=kept.exif, **options)
    return out.getvalue()


def _on_white(image: Image.Image) -> Image.Image:
    ground = Image.new("RGB", image.size, "white")
    ground.paste(image, mask=image.getchannel("A"))
    return ground
