"""What a request names that is not there."""

from collections.abc import Iterator, Mapping

from services.ingest.fanout import Wanted, Wrong, pointer
from services.ingest.originals import Original, key_of
from services.ingest.sniff import CAPTIONS
from shared.content import Asking, Target


def missing_media(
    one: Wanted, originals: Mapping[str, Original], asking: Asking | None = None, target: Target | None = None
) -> Iterator[Wrong]:
    """Yield every asset, upload and caption that the store does not have."""
    for needed in one.needed:
        medium, place = needed.medium, pointer(needed.place, asking, target)
        if medium.upload and key_of(medium) not in originals:
            detail = f"There is no upload {medium.upload} of yours whose bytes have arrived."
            yield {"pointer": f"{place}/upload", "detail": detail, "remedy": "PUT the bytes to the upload first."}
        elif medium.asset and key_of(medium) not in originals:
            yield {"pointer": f"{place}/asset", "detail": _no_asset(medium.asset), "remedy": UPLOAD}
        for number, captions in enumerate(medium.captions):
            where = f"{place}/captions/{number}/asset"
            if captions.asset not in originals:
                yield {"pointer": where, "detail": _no_asset(captions.asset), "remedy": UPLOAD}
            else:
                yield from _captions_wrong(one, originals[captions.asset], where)


def _captions_wrong(one: Wanted, file: Original, where: str) -> Iterator[Wrong]:
    """Yield why a file that is there cannot be captions on a channel."""
    if file.type != CAPTIONS:
        detail = f"{one.channel}: captions are {CAPTIONS}, this is {file.type}."
        yield {"pointer": where, "detail": detail, "remedy": "Upload them as WebVTT.", "channel": one.channel}
    elif (limit := one.spec.captions) and file.size > limit.bytes:
        yield {
            "pointer": where,
            "detail": f"{one.channel}: a file of captions may have {limit.bytes} bytes, and has {file.size}.",
            "remedy": "Shorten it.",
            "channel": one.channel,
            "limit": limit.bytes,
            "count": file.size,
            "unit": "bytes",
            "about": "captions",
        }


UPLOAD = "Upload the file with POST /v1/uploads, or correct the hash."


def _no_asset(sha256: str) -> str:
    return f"The media store has no file {sha256}."
