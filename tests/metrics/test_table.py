"""The channel table of the strategy's page (C7): as the page has it, and as of any day."""

import csv
import io
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from services.metrics.table import PLATFORMS, as_csv, channel_table, wikitext
from services.metrics.views import FollowersOn
from shared.channels import Registry, Stance, load
from shared.platforms import specs

GOLDEN = Path(__file__).parent / "golden"
PAGE = date(2025, 10, 1)
LATER = date(2026, 1, 2)


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load(Path("config"))


def test_the_table_of_the_page_is_made_again_to_the_letter(registry: Registry) -> None:
    table = channel_table(registry, {}, PAGE)
    assert wikitext(table) == (GOLDEN / f"{PAGE}.wikitext").read_text()
    assert as_csv(table).encode() == (GOLDEN / f"{PAGE}.csv").read_bytes()


def test_a_spreadsheet_reads_what_was_written(registry: Registry) -> None:
    rows = list(csv.reader(io.StringIO(as_csv(channel_table(registry, {}, PAGE)))))
    assert {len(row) for row in rows} == {7}
    assert not [cell for row in rows for cell in row if cell[:1] in "=+-@" and cell]


def test_the_newest_count_is_shown_and_other_days_are_named(registry: Registry) -> None:
    counted = {
        channel.id: FollowersOn(day=LATER, count=1_000_000)
        for channel in registry.channels.values()
        if channel.followers
    }
    del counted["wikipedia/x"]
    counted["wikipedia/bluesky"] = FollowersOn(day=date(2025, 12, 31), count=52_000)
    lines = wikitext(channel_table(registry, counted, LATER)).splitlines()
    assert lines.count("! followers (2 January 2026)") == 2
    assert "| 614,337 (1 October 2025)" in lines
    assert "| 52,000 (31 December 2025)" in lines
    assert lines.count("| 1,000,000") == len(counted) - 1


def test_of_one_day_the_measured_count_is_shown(registry: Registry) -> None:
    counted = {"wikipedia/bluesky": FollowersOn(day=PAGE, count=51_967)}
    assert "| 51,967" in wikitext(channel_table(registry, counted, PAGE)).splitlines()


def test_before_anybody_counted_nothing_is_known(registry: Registry) -> None:
    table = channel_table(registry, {}, date(2025, 9, 30))
    assert {cell.followers for row in table.rows for cell in row.channels.values() if cell} == {None}
    lines = wikitext(table).splitlines()
    assert (lines.count("| –"), lines.count("| n/a")) == (15, 2)
    assert lines.count("! followers (30 September 2025)") == 2


def test_mastodon_has_a_row_once_it_is_on(registry: Registry) -> None:
    mastodon = registry.channels["foundation/mastodon"].model_copy(update={"stance": Stance.ON})
    on = replace(registry, channels={**registry.channels, mastodon.id: mastodon})
    row = channel_table(on, {mastodon.id: FollowersOn(day=LATER, count=7)}, LATER).rows[-1]
    assert (row.name, row.channels["wikipedia"]) == ("Mastodon", None)
    assert (cell := row.channels["foundation"]) is not None
    assert (cell.username, cell.followers) == ("@wikimediafoundation", 7)


def test_every_platform_has_a_name(registry: Registry) -> None:
    assert set(specs()) <= set(PLATFORMS)
    assert {channel.platform for channel in registry.channels.values()} == set(PLATFORMS)
