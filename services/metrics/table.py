"""The channel table of the strategy's page (C7): the same columns in the same order, as wikitext, CSV or JSON. Pure."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from services.metrics.views import ChannelTable, FollowersOn, TableCell, TableRow
from shared.channels import Channel, Registry, Stance
from shared.content import Audience

BRANDS = {"foundation": "Wikimedia Foundation", "wikipedia": "Wikipedia"}
"""The brands that the page has columns for, in its order."""
PLATFORMS = {
    "instagram": "Instagram",
    "facebook": "Facebook",
    "x": "X/Twitter",
    "linkedin": "LinkedIn",
    "youtube": "YouTube",
    "threads": "Threads",
    "bluesky": "Bluesky",
    "tiktok": "TikTok",
    "mastodon": "Mastodon",
}
"""What the page calls the platforms, in the order of its rows."""
NONE = "n/a"
"""What the page writes where a brand has no channel."""
UNKNOWN = "–"
"""Where a channel has not been counted by then."""


def channel_table(registry: Registry, counted: Mapping[str, FollowersOn], as_of: date) -> ChannelTable:
    """Return the table as it was on a day: each channel's newest count of that day or earlier.

    `counted` are the newest measured counts of that day or earlier; the registry's own stands where it is newer.
    """
    rows = [_row(platform, registry, counted, as_of) for platform in PLATFORMS]
    return ChannelTable(as_of=as_of, brands=BRANDS, rows=[row for row in rows if any(row.channels.values())])


def _row(platform: str, registry: Registry, counted: Mapping[str, FollowersOn], as_of: date) -> TableRow:
    cells: dict[str, TableCell | None] = {}
    for brand in BRANDS:
        channel = registry.channels.get(f"{brand}/{platform}")
        shown = channel is not None and _is_shown(channel)
        cells[brand] = _cell(channel, registry, counted, as_of) if channel and shown else None
    return TableRow(platform=platform, name=PLATFORMS[platform], channels=cells)


def _is_shown(channel: Channel) -> bool:
    """A channel that is off is none of the page's, unless the page counts its followers."""
    return channel.stance is not Stance.OFF or channel.followers is not None


def _cell(channel: Channel, registry: Registry, counted: Mapping[str, FollowersOn], as_of: date) -> TableCell:
    counts = [counted[channel.id]] if channel.id in counted else []
    if channel.followers and channel.followers.on <= as_of:
        counts.append(FollowersOn(day=channel.followers.on, count=channel.followers.count))
    newest = max(counts, key=lambda one: one.day, default=None)  # of one day, the measured one: it comes first
    return TableCell(
        username=f"@{channel.handle}",
        followers=newest and newest.count,
        counted_on=newest and newest.day,
        notes=list(_notes(channel, registry)),
    )


def _notes(channel: Channel, registry: Registry) -> Iterable[str]:
    """Say what the page's footnotes say, as the registry has it: who shares a channel (C8), whom it is for (C9-10)."""
    if channel.shared_with:
        teams = ", ".join(registry.owners[role].team for role in channel.shared_with)
        yield f"Shared with: {teams}."
    if channel.audience is Audience.INTERNAL:
        yield "For internal audiences: staff and movement."
    elif any(
        one.audience is Audience.INTERNAL for one in registry.channels.values() if one.platform == channel.platform
    ):
        yield "For external, public audiences."


# ---- as text ---------------------------------------------------------------------------------------------------------


def wikitext(table: ChannelTable) -> str:
    """Return the table as a page of MediaWiki takes it; a count of another day than its column's says its own."""
    days = {brand: _day_of(table, brand) for brand in table.brands}
    lines = ['{| class="wikitable"', "|-", '! rowspan="2" | Platform']
    lines += [f'! colspan="2" | {name}' for name in table.brands.values()]
    lines += ["|-"]
    for brand in table.brands:
        lines += ["! username", f"! followers ({_said(days[brand])})"]
    for row in table.rows:
        lines += ["|-", f"| {row.name}"]
        for brand in table.brands:
            lines += [f"| {text}" for text in _cells(row.channels[brand], days[brand])]
    return "\n".join([*lines, "|}", ""])


def _cells(cell: TableCell | None, day: date) -> tuple[str, str]:
    if cell is None:
        return NONE, NONE
    notes = "".join(f"<ref>{note}</ref>" for note in cell.notes)
    if cell.followers is None or cell.counted_on is None:
        return f"{cell.username}{notes}", UNKNOWN
    own = "" if cell.counted_on == day else f" ({_said(cell.counted_on)})"
    return f"{cell.username}{notes}", f"{cell.followers:,}{own}"


def _day_of(table: ChannelTable, brand: str) -> date:
    """Return the day that most of a brand's counts are of, the newest of these; without any, the table's."""
    cells = (row.channels[brand] for row in table.rows)
    days = [cell.counted_on for cell in cells if cell and cell.counted_on]
    return max(days, key=lambda day: (days.count(day), day), default=table.as_of)


def _said(day: date) -> str:
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


MONTHS: Sequence[str] = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
"""Those of the page, whatever the machine's language."""


def as_csv(table: ChannelTable) -> str:
    """Return the table for spreadsheets: the page's columns, then the days of the counts.

    Usernames have no @ here: a spreadsheet would take it for the beginning of a formula.
    """
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\r\n")
    pairs = [[f"{name}: username", f"{name}: followers"] for name in table.brands.values()]
    days = [f"{name}: counted on" for name in table.brands.values()]
    writer.writerow(["Platform", *(title for pair in pairs for title in pair), *days])
    for row in table.rows:
        cells = [row.channels[brand] for brand in table.brands]
        writer.writerow([row.name, *(value for cell in cells for value in _values(cell)), *map(_counted_on, cells)])
    return written.getvalue()


def _values(cell: TableCell | None) -> tuple[str, str]:
    if cell is None:
        return NONE, NONE
    return cell.username.removeprefix("@"), "" if cell.followers is None else str(cell.followers)


def _counted_on(cell: TableCell | None) -> str:
    return cell.counted_on.isoformat() if cell and cell.counted_on else ""


FORMS = {"wikitext": (wikitext, "text/x-wiki"), "csv": (as_csv, "text/csv")}
"""Format → what writes it, and the media type of what it writes."""
