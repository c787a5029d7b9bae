"""a11y.alt_missing (C23, WCAG 2.2 success criterion 1.1.1): a picture comes with words for who cannot see it."""

import re
import unicodedata
from collections.abc import Iterable

from services.policy.facts import Facts
from services.policy.judge import Finding, Pack, block
from shared.payload import Payload

RULE, CLAUSE = "a11y.alt_missing", "C23"

# What editors and cameras fill in by themselves, in the languages of the channels' regions: it says that there is a
# picture, not what it shows.
SAYS_NOTHING = """
    image images img picture pictures pic photo photos photograph graphic graphics illustration thumbnail thumb
    screenshot video clip gif untitled unknown placeholder alt alttext caption none null nil na tbd todo test
    imagen imágenes foto fotos fotografía fotografia ilustración captura
    imagem imagens figura ilustração vídeo
    bild bilder abbildung grafik photographie illustrations immagine
    zdjęcie obraz grafika gambar afbeelding resim fotoğraf görsel slika obrázek зображення фото
    εικόνα φωτογραφία βίντεο picha صورة 画像 写真 图片 圖片 照片 사진 이미지 चित्र तस्वीर फोटो
"""
EMPTY_WORDS = frozenset(SAYS_NOTHING.split())
FILE_NAME = re.compile(
    r"\.(jpe?g|jpe|png|gif|webp|svg|tiff?|avif|heic|bmp|mp4|webm|mov|ogv|ogg|pdf|djvu|xcf)$", re.IGNORECASE
)
CAMERA_NAME = re.compile(
    r"^(img|dsc[nf]?|dscn|pict?|p|mvi|gopr|pxl|screenshot|wa|image|photo|video)?[\s_-]*\d[\d\s_.-]*$"
)
SEEN = ("image/", "video/")
AROUND = " \t\n\r\"'.,;:!?()[]<>*_-–—…“”„«»/#"


def check(payload: Payload, _: Facts, __: Pack) -> Iterable[Finding]:
    """Block every picture or video of a post without a text that says what it shows."""
    for number, piece in enumerate(payload.pieces):
        for n, medium in enumerate(piece.media):
            if medium.type.startswith(SEEN) and is_absent(medium.alt):
                yield block(
                    RULE,
                    CLAUSE,
                    f"/pieces/{number}/media/{n}/alt",
                    _what_is_wrong(medium.alt),
                    "Say in a sentence what the picture shows, as you would on the telephone.",
                )


def is_absent(alt: str) -> bool:
    """Say whether an alternative text tells nothing: blank, without a letter, a file's name, a word like "image"."""
    words = _plain(alt)
    if not any(character.isalpha() for character in words):
        return True
    if FILE_NAME.search(words) or CAMERA_NAME.match(words):
        return True
    return all(_tells_nothing(word.strip(AROUND)) for word in words.split())


def _tells_nothing(word: str) -> bool:
    return word in EMPTY_WORDS or word.isdigit() or (len(word) <= 1 and word.isascii())


def _plain(text: str) -> str:
    """Return the text as a reader sees it: composed, lower case, without what has no width or stands around it."""
    shown = "".join(
        c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) not in ("Cf", "Cc") or c.isspace()
    )
    return shown.casefold().strip(AROUND)


def _what_is_wrong(alt: str) -> str:
    if not alt.strip():
        return "The picture has no alternative text: who cannot see it gets nothing."
    return f"The alternative text “{alt.strip()[:60]}” does not say what the picture shows."
