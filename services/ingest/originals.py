"""What the media store has: originals, and their forms that fit a limit."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ARRAY, Text, Uuid, bindparam, text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.adapter.spec import ImageLimit
from shared.content import Media, Rights
from shared.payload import Rendition

TEXTS, UUIDS = ARRAY(Text), ARRAY(Uuid)


@dataclass(frozen=True, slots=True)
class Original:
    """A file as it came, and on whose word it may be used."""

    sha256: str
    type: str
    size: int
    width: int | None
    height: int | None
    rights: Rights | None = None
    seconds: float | None = None
    codec: str | None = None
    rate: float | None = None

    @property
    def is_video(self) -> bool:
        """Whether it goes out as it came."""
        return self.type.startswith("video/")

    def rights_of(self, medium: Media) -> Rights | None:
        """Return what Commons says of its files, else what the request says, else what the upload said."""
        return self.rights if medium.commons else medium.rights or self.rights

    def rendition(self, medium: Media) -> Rendition:
        """Return it as if it were sent as it came."""
        return Rendition(
            sha256=self.sha256,
            type=self.type,
            size=self.size,
            width=self.width,
            height=self.height,
            seconds=self.seconds,
            codec=self.codec,
            rate=self.rate,
            rights=self.rights_of(medium),
        )


def key_of(medium: Media) -> str:
    """Return what a medium is found by: its Commons title, its SHA-256 or the id of its upload."""
    return medium.commons or medium.asset or str(medium.upload)


def form_of(limit: ImageLimit) -> str:
    """Name a limit, so that two platforms with the same one share what fits it."""
    return (
        f"{'+'.join(limit.types)} {limit.bytes}B {limit.pixels or '-'}px {limit.side or '-'}side {limit.ratio or '-'}"
    )


# Upload rights: those that the caller's own tool gave; a hash alone says nothing about rights.
FIND = text(
    """
    SELECT a.sha256 AS key, a.sha256, a.type, a.size, a.width, a.height, a.seconds, a.codec, a.rate,
        (SELECT u.rights FROM upload u WHERE u.sha256 = a.sha256 AND (u.tool = :tool OR :all)
         ORDER BY u.created_at DESC LIMIT 1) AS rights
    FROM asset a WHERE a.sha256 = ANY(:assets)
    UNION ALL
    SELECT u.id::text, a.sha256, a.type, a.size, a.width, a.height, a.seconds, a.codec, a.rate, u.rights
    FROM upload u JOIN asset a ON a.sha256 = u.sha256 WHERE u.id = ANY(:uploads) AND (u.tool = :tool OR :all)
    UNION ALL
    SELECT c.title, a.sha256, a.type, a.size, a.width, a.height, a.seconds, a.codec, a.rate, c.rights
    FROM commons_file c JOIN asset a ON a.sha256 = c.sha256
    WHERE c.title = ANY(:titles) AND c.fetched_at > now() - make_interval(secs => :fresh)
    """
).bindparams(bindparam("assets", type_=TEXTS), bindparam("uploads", type_=UUIDS), bindparam("titles", type_=TEXTS))
FITTED = text("SELECT * FROM fitting WHERE original = ANY(:originals)").bindparams(bindparam("originals", type_=TEXTS))
KEEP = text(
    """
    INSERT INTO asset (sha256, type, size, width, height, seconds, codec, rate)
    VALUES (:sha256, :type, :size, :width, :height, :seconds, :codec, :rate)
    ON CONFLICT DO NOTHING
    """
)
KEEP_COMMONS = text(
    """
    INSERT INTO commons_file (title, sha256, rights) VALUES (:title, :sha256, cast(:rights AS jsonb))
    ON CONFLICT (title) DO UPDATE SET sha256 = excluded.sha256, rights = excluded.rights, fetched_at = now()
    """
)
KEEP_FITTED = text(
    """
    INSERT INTO fitting (original, form, sha256, type, size, width, height)
    VALUES (:original, :form, :sha256, :type, :size, :width, :height)
    ON CONFLICT (original, form) DO NOTHING
    """
)


async def find_originals(
    db: AsyncSession, media: Iterable[Media], tool: str, *, team: bool, fresh: float
) -> Mapping[str, Original]:
    """Return, by `key_of`, those media that the store has; files of Commons only while what is known is fresh.

    A guest's tool finds its own uploads only.
    """
    wanted = list(media)
    if not wanted:
        return {}
    parameters = {
        "assets": [medium.asset for medium in wanted if medium.asset],
        "uploads": [medium.upload for medium in wanted if medium.upload],
        "titles": [medium.commons for medium in wanted if medium.commons],
        "tool": tool,
        "all": team,
        "fresh": fresh,
    }
    return {row.key: _original(row) for row in await db.execute(FIND, parameters)}


async def find_fitted(db: AsyncSession, originals: Iterable[Original]) -> Mapping[tuple[str, str], Rendition]:
    """Return what is fitted already, by original and form."""
    hashes = sorted({original.sha256 for original in originals})
    if not hashes:
        return {}
    rows = await db.execute(FITTED, {"originals": hashes})
    return {
        (row.original, row.form): Rendition(
            sha256=row.sha256, type=row.type, size=row.size, width=row.width, height=row.height
        )
        for row in rows
    }


async def keep(db: AsyncSession, original: Original, commons: str | None = None) -> None:
    """Remember a file that the media store has; and which Commons title led to it."""
    film = {"seconds": original.seconds, "codec": original.codec, "rate": original.rate}
    await db.execute(KEEP, {**_columns(original), **film})
    if commons and original.rights:
        rights = original.rights.model_dump_json(exclude_defaults=True)
        await db.execute(KEEP_COMMONS, {"title": commons, "sha256": original.sha256, "rights": rights})


async def keep_fitted(db: AsyncSession, original: str, form: str, fitted: Rendition) -> None:
    """Remember a form of an original that the media store has."""
    await db.execute(KEEP_FITTED, {"original": original, "form": form, **_columns(fitted)})


def _columns(file: Original | Rendition) -> dict[str, Any]:
    return {name: getattr(file, name) for name in ("sha256", "type", "size", "width", "height")}


def _original(row: Any) -> Original:
    rights = Rights.model_validate(row.rights) if row.rights else None
    film = row.seconds, row.codec, row.rate
    return Original(row.sha256, row.type, row.size, row.width, row.height, rights, *film)
