"""A picture is fitted to every limit, the same way every time; what cannot be is refused in words."""

import struct
import zlib
from io import BytesIO
from itertools import pairwise

import pytest
from PIL import Image, ImageCms

from shared.adapter.images import Fitted, ImageError, fit
from shared.adapter.spec import ImageLimit

LIMIT = ImageLimit(most=4, bytes=60_000, types=("image/jpeg", "image/png"), side=300)
JPEG_ONLY = ImageLimit(most=4, bytes=60_000, types=("image/jpeg",), side=300)
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    return Image.effect_noise((width, height), 80).convert(mode)


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    out = BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def opened(fitted: Fitted) -> Image.Image:
    image = Image.open(BytesIO(fitted.content))
    image.load()
    return image


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "GIF"])
@pytest.mark.parametrize("size", [(900, 300), (20, 10), (300, 301)])
def test_size_bytes_and_type_are_within_the_limit(form: str, size: tuple[int, int]) -> None:
    fitted = fit(saved(noise(*size), form), LIMIT)
    image = opened(fitted)
    assert len(fitted.content) <= LIMIT.bytes
    assert fitted.type in LIMIT.types
    assert max(image.size) <= 300
    assert (fitted.width, fitted.height) == image.size
    assert image.size[0] * size[1] == pytest.approx(image.size[1] * size[0], rel=0.02)


def test_the_same_bytes_in_give_the_same_bytes_out() -> None:
    original = saved(noise(700, 500), "JPEG")
    assert fit(original, LIMIT) == fit(original, LIMIT)


def test_pixels_are_limited_in_all() -> None:
    fitted = fit(saved(noise(400, 400), "PNG"), ImageLimit(1, 10_000_000, ("image/png",), pixels=10_000))
    assert fitted.width * fitted.height <= 10_000


def test_orientation_is_applied_and_only_rights_and_profile_stay() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    exif[0x8298], exif[0x013B], exif[0x010F] = "CC BY-SA 4.0", "Ada", "a camera's serial number"
    original = saved(noise(200, 100), "JPEG", exif=exif, icc_profile=PROFILE, comment=b"private")
    image = opened(fit(original, LIMIT))
    assert image.size == (100, 200)
    assert image.info["icc_profile"] == PROFILE
    assert "comment" not in image.info
    kept = image.getexif()
    assert dict(kept) == {0x8298: "CC BY-SA 4.0", 0x013B: "Ada"}


def test_transparency_stays_where_it_can_and_is_white_elsewhere() -> None:
    clear = saved(Image.new("RGBA", (50, 50), (255, 0, 0, 0)), "PNG")
    assert opened(fit(clear, LIMIT)).mode == "RGBA"
    corner = opened(fit(clear, JPEG_ONLY)).convert("RGB").getpixel((0, 0))
    assert corner == (255, 255, 255)


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "CMYK", "I;16"])
def test_every_mode_is_readable_afterwards(mode: str) -> None:
    image = Image.new(mode, (40, 40)) if mode in {"LA", "I;16"} else noise(40, 40).convert(mode)
    form = "TIFF" if mode == "CMYK" else "PNG"
    assert opened(fit(saved(image, form), JPEG_ONLY)).size == (40, 40)


def bomb(width: int, height: int) -> bytes:
    """Return a PNG whose header promises far more than its few bytes hold."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("size", [(9_000, 9_000), (10_000, 10_000), (50_000, 50_000), (6_500, 6_500)])
def test_a_bomb_is_refused_before_it_is_decoded(size: tuple[int, int]) -> None:
    with pytest.raises(ImageError, match="pixels"):
        fit(bomb(*size), LIMIT)


def test_a_large_photograph_is_decoded_at_half_its_sides() -> None:
    original = saved(Image.new("RGB", (8_000, 6_000), "blue"), "JPEG")
    fitted = fit(original, ImageLimit(1, 5_000_000, ("image/jpeg",)))
    assert (fitted.width, fitted.height) == (4_000, 3_000)


@pytest.mark.parametrize(
    ("original", "why"),
    [
        (b"", "no picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no picture"),
        (saved(noise(200, 200), "JPEG")[:2_000], "damaged"),
        (saved(noise(200, 200), "PNG")[:2_000], "damaged"),
    ],
)
def test_what_is_no_whole_picture_is_refused(original: bytes, why: str) -> None:
    with pytest.raises(ImageError, match=why):
        fit(original, LIMIT)


def test_a_moving_picture_is_refused() -> None:
    frames = [noise(20, 20, "L") for _ in range(3)]
    moving = saved(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=100)
    with pytest.raises(ImageError, match="moves"):
        fit(moving, LIMIT)


def test_smaller_limits_give_smaller_files() -> None:
    original = saved(noise(600, 600), "JPEG")
    sizes = [len(fit(original, ImageLimit(1, most, ("image/jpeg",))).content) for most in (200_000, 40_000, 9_000)]
    assert all(larger > smaller for larger, smaller in pairwise(sizes))


def test_what_fits_at_no_size_is_refused() -> None:
    with pytest.raises(ImageError, match="does not fit"):
        fit(saved(noise(200, 200), "JPEG"), ImageLimit(1, 100, ("image/jpeg",)))
