"""One request becomes one post for each target; what a channel cannot take is told before anything is kept."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.ingest.originals import Original, form_of, key_of
from shared import platforms
from shared.adapter.compose import NOTHING_YET, Draft, Needed
from shared.adapter.render import Excess, drafts, limits_broken, media_of
from shared.adapter.spec import Spec
from shared.channels import RegistryFile
from shared.content import Asking, Content, Media, Target, Timing, for_target
from shared.payload import Rendition

Wrong = Mapping[str, object]
"""One thing to correct: pointer, detail, remedy, and for a limit also channel, limit, count and unit."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One post that is asked for, as its channel will say it."""

    channel: str
    spec: Spec
    content: Content
    needed: tuple[Needed, ...]
    said: Sequence[Draft] | None
    """Composed once, to be checked and to be rendered, where no medium has still to be looked up."""

    @classmethod
    def of(cls, channel: str, spec: Spec, content: Content) -> "Wanted":
        """Find out which media it needs, and compose it when it needs none."""
        needed = media_of(content, spec)
        return cls(channel, spec, content, needed, None if needed else drafts(content, spec))


class Channels:
    """The channels that can be posted to, each with its limits; follows the registry."""

    def __init__(self, registry: RegistryFile, stand_ins: Mapping[str, str] | None = None) -> None:
        """Follow a registry; `stand_ins` say, by platform, what stands in for it: posts have addresses there too."""
        self._registry = registry
        self._stand_ins = stand_ins or {}
        self._digest = ""
        self._specs: dict[str, Spec] = {}
        self._known: tuple[str, ...] = ()

    def spec(self, channel: str) -> Spec | None:
        """Return the limits of a channel; None when there is no such channel, or no way to post to it yet."""
        self._follow()
        return self._specs.get(channel)

    def why_not(self, channel: str) -> tuple[str, str]:
        """Return what is wrong with a channel that has no limits, and what to do about it."""
        self._follow()
        usable = f"Name one of {', '.join(sorted(self._specs))}."
        if channel in self._known:
            return f"Carillon cannot post to {channel.partition('/')[2]} yet.", usable
        return f"There is no channel {channel}.", usable

    def _follow(self) -> None:
        registry = self._registry.current()
        if registry.digest == self._digest:
            return
        specs = platforms.specs()
        self._specs = {
            name: specs[channel.platform].adjusted(channel.limits).stood_in(self._stand_ins.get(channel.platform))
            for name, channel in registry.channels.items()
            if channel.platform in specs
        }
        self._known = tuple(registry.channels)
        self._digest = registry.digest


def fan_out(asking: Asking, channels: Channels) -> tuple[list[Wanted], list[Wrong]]:
    """Return the posts that are wanted, and what is wrong with the targets and variants."""
    wanted: list[Wanted] = []
    wrong: list[Wrong] = []
    for number, target in enumerate(asking.channels):
        spec = channels.spec(target.channel)
        if spec is None:
            detail, remedy = channels.why_not(target.channel)
            wrong.append({"pointer": f"/channels/{number}/channel", "detail": detail, "remedy": remedy})
        else:
            wanted.append(Wanted.of(target.channel, spec, for_target(asking, target)))
    return wanted, [*wrong, *_unused(asking)]


def media_in(wanted: Iterable[Wanted]) -> list[Media]:
    """Return every medium that any of the posts needs, and the captions of its videos."""
    shown = [needed.medium for one in wanted for needed in one.needed]
    return [*shown, *(Media(asset=one.asset) for medium in shown for one in medium.captions)]


def excesses(
    one: Wanted, originals: Mapping[str, Original], asking: Asking | None = None, target: Target | None = None
) -> Iterator[Wrong]:
    """Yield every limit of its channel that a post breaks, as far as its media are known.

    Pointers lead into the request when it is given, else into the content.
    """
    known = [_as_it_came(needed, originals) for needed in one.needed]
    for excess in limits_broken(one.content, one.channel, one.spec, known, one.said):
        yield _told(excess, pointer(excess.place, asking, target))


def timing_wrong(timing: Timing, now: datetime, tolerance: float, furthest: int) -> Iterator[Wrong]:
    """Yield what is wrong with a date that is readable: it is over, or too far away."""
    if timing.publish_at is None and timing.not_after is None:
        return
    at = f"It is {now.isoformat(timespec='seconds')} here."
    if timing.publish_at and timing.publish_at < now - timedelta(seconds=tolerance):
        remedy = "Give a time to come, or leave it out to publish as soon as approved."
        yield {"pointer": "/timing/publish_at", "detail": f"The time is in the past. {at}", "remedy": remedy}
    if timing.publish_at and timing.publish_at > now + timedelta(days=furthest):
        remedy = f"Give a time within {furthest} days."
        yield {"pointer": "/timing/publish_at", "detail": f"The time is too far away. {at}", "remedy": remedy}
    if timing.not_after and timing.not_after <= now:
        remedy = "Give a time to come, or leave it out."
        yield {"pointer": "/timing/not_after", "detail": f"The time is in the past. {at}", "remedy": remedy}


def _unused(asking: Asking) -> Iterator[Wrong]:
    """Yield variants that no target uses: a misspelt key would otherwise be lost without a word."""
    used: set[str] = set()
    for target in asking.channels:
        used |= {target.channel, target.channel.partition("/")[2], target.language or asking.content.language}
    for key in asking.variants:
        if key not in used:
            remedy = f"Name one of {', '.join(sorted(used))}, or leave it out."
            yield {"pointer": f"/variants/{_escaped(key)}", "detail": "No target uses this variant.", "remedy": remedy}


def _as_it_came(needed: Needed, originals: Mapping[str, Original]) -> Rendition:
    original = originals.get(key_of(needed.medium))
    return original.rendition(needed.medium) if original else NOTHING_YET


def _told(excess: Excess, pointer: str) -> Wrong:
    detail, _, remedy = excess.message.rpartition("; ")
    return {
        "pointer": pointer,
        "detail": f"{detail or excess.message}.",
        "remedy": f"{remedy[:1].upper()}{remedy[1:]}.",
        "channel": excess.channel,
        "limit": excess.most,
        "count": excess.count,
        "unit": excess.unit,
        "about": excess.limit,
    }


def pointer(place: str, asking: Asking | None, target: Target | None) -> str:
    """Lead from a place in a target's content to where the caller wrote it: a variant, or the content itself."""
    if asking is None or target is None:
        return f"/content{place}"
    field = place.split("/")[1] if place else ""
    language = target.language or asking.content.language
    for key in (target.channel, target.channel.partition("/")[2], language):
        variant = asking.variants.get(key)
        if variant and field in variant.model_fields_set and getattr(variant, field, None) is not None:
            return f"/variants/{_escaped(key)}{place}"
    return f"/content{place}"


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def renditions_of(
    one: Wanted, originals: Mapping[str, Original], fitted: Mapping[tuple[str, str], Rendition]
) -> Sequence[Rendition] | None:
    """Return the fitted form of every medium that a post needs; None while one is missing."""
    found = []
    for needed in one.needed:
        original = originals.get(key_of(needed.medium))
        if original and original.is_video:
            found.append(original.rendition(needed.medium))
            continue
        form = original and needed.limit and fitted.get((original.sha256, form_of(needed.limit)))
        if original is None or not form:
            return None
        found.append(form.model_copy(update={"rights": original.rights_of(needed.medium)}))
    return found
