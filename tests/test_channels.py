"""`config/` is read, checked and followed."""

import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from shared.channels import ConfigError, RegistryFile, Stance, load
from shared.content import Audience

CONFIG = Path(__file__).parents[1] / "config"
REHEARSAL = Path(__file__).parents[1] / "deploy" / "samples" / "config"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return Path(shutil.copytree(CONFIG, tmp_path / "config"))


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    later = file.stat().st_mtime_ns + 1_000_000_000  # a coarse file system clock would hide the change
    os.utime(file, ns=(later, later))


# ---- what is shipped ------------------------------------------------------------------------------------------------


def test_the_fifteen_channels_and_mastodon() -> None:
    channels = load(CONFIG).channels
    two_brands = ("instagram", "facebook", "x", "linkedin", "youtube", "threads", "bluesky")
    expected = {f"{brand}/{platform}" for platform in two_brands for brand in ("foundation", "wikipedia")}
    assert channels.keys() == expected | {"wikipedia/tiktok"} | {"foundation/mastodon"}
    assert len(channels) == 15 + 1


def test_stance_and_audience_follow_the_strategy() -> None:
    channels = load(CONFIG).channels.values()
    assert {c.id for c in channels if c.stance is Stance.LIMITED} == {"foundation/x", "wikipedia/x"}
    assert {c.id for c in channels if c.stance is Stance.OFF} == {"foundation/mastodon"}
    assert {c.id for c in channels if c.audience is Audience.INTERNAL} == {"foundation/youtube"}
    assert {c.id for c in channels if c.shared_with} == {"foundation/linkedin"}


def test_followers_add_up_to_the_columns_of_the_strategys_table() -> None:
    sums = {"foundation": 0, "wikipedia": 0}
    for channel in load(CONFIG).channels.values():
        if channel.followers:
            sums[channel.brand] += channel.followers.count
            assert channel.followers.on.isoformat() == "2025-10-01"
            assert channel.followers.source.startswith("https://meta.wikimedia.org/")
    assert sums == {"foundation": 260_524, "wikipedia": 7_029_314}


def test_the_strategy_has_regions_tiers_and_objectives() -> None:
    strategy = load(CONFIG).strategy
    assert (len(strategy.regions.primary.countries), len(strategy.regions.secondary.countries)) == (9, 18)
    assert [limit.video_seconds for limit in strategy.tiers.values()] == [30, 180, 600]
    assert list(strategy.objectives.parts) == ["awareness", "understanding", "trust"]


def test_a_rehearsal_differs_from_the_shipped_channels_only_where_it_says() -> None:
    shipped, rehearsed = load(CONFIG), load(REHEARSAL)
    spared = {key: channel.model_copy(update={"pace": ()}) for key, channel in rehearsed.channels.items()}
    changed = {key for key, channel in spared.items() if shipped.channels.get(key) != channel}
    assert all(channel.pace for channel in rehearsed.channels.values()), "a rehearsal is spared the platforms' quotas"
    assert changed == {"foundation/mastodon", "rehearsal/bluesky", "rehearsal/mastodon"}
    assert rehearsed.channels["foundation/mastodon"].stance is Stance.ON
    assert rehearsed.channels["foundation/mastodon"].handle == shipped.channels["foundation/mastodon"].handle
    assert rehearsed.strategy == shipped.strategy
    assert rehearsed.digest != shipped.digest


def test_a_sandbox_replaces_the_address_of_its_platforms_only() -> None:
    channels = load(CONFIG, {"bluesky": "http://127.0.0.1:8090/bluesky"}).channels
    assert {c.id for c in channels.values() if c.base_url.startswith("http://127.0.0.1")} == {
        "foundation/bluesky",
        "wikipedia/bluesky",
    }


def test_the_digest_depends_on_the_files_not_on_their_place(config: Path) -> None:
    assert load(config).digest == load(CONFIG).digest
    change(config / "strategy.yaml", "video_seconds: 30", "video_seconds: 31")
    assert load(config).digest != load(CONFIG).digest


def test_quiet_hours_are_those_of_the_channels_zone_and_may_span_midnight(config: Path) -> None:
    line = "    handle: wikipedia.org\n"
    change(config / "channels.yaml", line, line + '    quiet: {start: "22:30", end: "07:00"}\n    spacing: PT30M\n')
    channel = load(config).channels["wikipedia/bluesky"]
    assert channel.spacing == timedelta(minutes=30)
    assert channel.is_quiet_at(datetime(2026, 1, 10, 2, 0, tzinfo=UTC))  # 23:00 in São Paulo
    assert channel.is_quiet_at(datetime(2026, 1, 10, 9, 59, tzinfo=UTC))
    assert not channel.is_quiet_at(datetime(2026, 1, 10, 10, 0, tzinfo=UTC))
    assert not load(config).channels["wikipedia/x"].is_quiet_at(datetime(2026, 1, 10, 2, 0, tzinfo=UTC))


# ---- what is wrong --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("channels.yaml", "stance: limited", "stance: sometimes", ["channels.foundation/x.stance", "'on', 'limited'"]),
        ("channels.yaml", "handle: wikipedia.org", "name: wikipedia.org", ["bluesky.handle: is missing; add it"]),
        ("channels.yaml", "handle: wikipedia.org", "handle: '@wikipedia.org'", ["channels.wikipedia/bluesky.handle"]),
        ("channels.yaml", "    shared_with:", "    sharedwith:", ["sharedwith: is not a field", "known are"]),
        ("channels.yaml", "shared_with: [talent-and-culture]", "shared_with: [hr]", ["no role 'hr'", "under 'owners'"]),
        ("channels.yaml", "zone: UTC", "zone: Athens", ["foundation/mastodon.zone", "Europe/Athens"]),
        ("channels.yaml", "count: 19257", "count: -1", ["foundation/instagram.followers.count"]),
        ("channels.yaml", "spacing: PT0S", "spacing: often", ["spacing"]),
        ("channels.yaml", "  wikipedia/tiktok:", "  Wikipedia:", ["channels.Wikipedia"]),
        ("channels.yaml", "  wikipedia/tiktok:", "  wikipedia/x:", ["'wikipedia/x' is there twice; keep one"]),
        ("channels.yaml", "channels:\n", "channels: [\n", ["is not YAML", "line"]),
        ("channels.yaml", "followers_source:", "based_on: .\nfollowers_source:", ["'based_on' leads back to itself"]),
        ("channels.yaml", "followers_source:", "based_on: nowhere\nfollowers_source:", ["nowhere", "is missing"]),
        ("strategy.yaml", "clause: C27", "clause: '27'", ["tiers.bite.clause"]),
        ("strategy.yaml", "  meal:", "  feast:", ["tiers.feast"]),
        ("strategy.yaml", "[IN, ID,", "[India, ID,", ["regions.primary.countries.0", "'India'"]),
        ("strategy.yaml", "[KR, MY,", "[IN, MY,", ["regions", "names IN twice"]),
        ("strategy.yaml", "every: year", "every: decade", ["reviews.regions.every", "'year'"]),
    ],
)
def test_a_wrong_file_is_refused_with_file_field_and_remedy(
    config: Path, file: str, old: str, new: str, said: list[str]
) -> None:
    change(config / file, old, new)
    with pytest.raises(ConfigError) as caught:
        load(config)
    for part in [file, *said]:
        assert part in str(caught.value)


@pytest.mark.parametrize("file", ["channels.yaml", "strategy.yaml"])
def test_a_missing_or_empty_file_is_named(config: Path, file: str) -> None:
    (config / file).write_text("")
    with pytest.raises(ConfigError, match=f"{file}: holds no fields"):
        load(config)
    (config / file).unlink()
    with pytest.raises(ConfigError, match=f"{file}: is missing; add it"):
        load(config)


def test_words_that_yaml_takes_for_truth_stay_words(config: Path) -> None:
    change(config / "strategy.yaml", "[IN, ID,", "[IN, NO,")
    assert "NO" in load(config).strategy.regions.primary.countries


# ---- what changes ---------------------------------------------------------------------------------------------------


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def follow(config: Path) -> tuple[RegistryFile, Callable[[], None]]:
    clock = Clock()

    def second_passes() -> None:
        clock.now += 1.0

    return RegistryFile(config, clock=clock), second_passes


def test_a_changed_file_is_in_use_a_second_later_and_not_before(config: Path) -> None:
    live, second_passes = follow(config)
    before = live.current()
    change(config / "channels.yaml", "stance: limited", "stance: off")
    assert live.current() is before
    second_passes()
    assert live.current().channels["foundation/x"].stance is Stance.OFF
    assert live.current().digest != before.digest


def test_a_wrong_file_changes_nothing_and_is_told_until_it_is_mended(config: Path) -> None:
    live, second_passes = follow(config)
    before = live.current()
    change(config / "channels.yaml", "stance: limited", "stance: sometimes")
    second_passes()
    assert live.current() == before
    assert live.error
    assert "stance" in live.error
    change(config / "channels.yaml", "stance: sometimes", "stance: on")
    second_passes()
    assert live.current().channels["foundation/x"].stance is Stance.ON
    assert live.error is None


def test_a_file_that_vanishes_changes_nothing(config: Path) -> None:
    live, second_passes = follow(config)
    before = live.current()
    (config / "strategy.yaml").rename(config / "elsewhere.yaml")
    second_passes()
    assert live.current() == before
    assert live.error
    (config / "elsewhere.yaml").rename(config / "strategy.yaml")
    second_passes()
    assert live.current() == before
    assert live.error is None


def test_a_change_below_is_seen_through_a_folder_that_is_based_on_it(config: Path, tmp_path: Path) -> None:
    above = tmp_path / "above"
    above.mkdir()
    (above / "channels.yaml").write_text("based_on: ../config\nchannels: {foundation/mastodon: {stance: on}}\n")
    live, second_passes = follow(above)
    assert live.current().channels["foundation/mastodon"].stance is Stance.ON
    change(config / "channels.yaml", "handle: wikipedia.org", "handle: wikipedia.example")
    second_passes()
    assert live.current().channels["wikipedia/bluesky"].handle == "wikipedia.example"


def test_the_first_reading_must_succeed(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="CONFIG_DIR"):
        RegistryFile(tmp_path)


def test_prometheus_hears_which_configuration_is_in_use_and_that_a_newer_one_is_wrong(config: Path) -> None:
    def digests() -> set[str]:
        families = {family.name: family for family in REGISTRY.collect()}
        wrong.append(families["carillon_config_wrong"].samples[0].value)
        return {sample.labels["digest"] for sample in families["carillon_config_digest"].samples}

    wrong: list[float] = []
    now = [0.0]
    strategy = config / "strategy.yaml"
    strategy.write_text(strategy.read_text() + "# unlike that of any other test\n")
    file = RegistryFile(config, clock=lambda: now[0])
    first = file.current().digest[:12]
    assert first in digests()
    now[0] += 2
    change(config / "channels.yaml", "stance: limited", "stance: on")
    second = digests()
    assert first not in second
    assert file.current().digest[:12] in second
    now[0] += 2
    (config / "channels.yaml").write_text("channels: [")
    assert digests() == second
    assert wrong[-1] == 1
