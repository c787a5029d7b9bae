"""What the channels' registry allows at this moment: who may publish, and whose hours are quiet until when."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from shared.channels import Channel, Registry, Stance


@dataclass(frozen=True, slots=True)
class Now:
    """The channels that may publish, and those among them whose hours are quiet, with the end of these."""

    open: list[str]
    quiet: dict[str, datetime]

    @property
    def ready(self) -> list[str]:
        """Those that may publish whatever is due."""
        return [channel for channel in self.open if channel not in self.quiet]


def now_of(registry: Registry, moment: datetime | None = None) -> Now:
    """Return how things stand; policy decides what goes out on a limited channel (C12)."""
    now = moment or datetime.now(UTC)
    channels = [channel for channel in registry.channels.values() if channel.stance is not Stance.OFF]
    quiet = {channel.id: _end(channel, now) for channel in channels if channel.is_quiet_at(now)}
    return Now([channel.id for channel in channels], quiet)


def _end(channel: Channel, now: datetime) -> datetime:
    """Return when the quiet hours that hold now are over, in the channel's zone."""
    zone = ZoneInfo(channel.zone)
    end = channel.quiet.end if channel.quiet else time()
    today = now.astimezone(zone).date()
    # Where clocks are put back, a time of the day comes twice: two times of one zone are compared as instants only.
    ends = (
        datetime.combine(today + timedelta(days=days), end.replace(fold=fold), zone).astimezone(UTC)
        for days in (0, 1)
        for fold in (0, 1)
    )
    return min(one for one in ends if one > now and not channel.is_quiet_at(one))
