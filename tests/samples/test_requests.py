"""The shipped requests are valid, name known channels and show what a rehearsal has to show."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from deploy.local.rehearsal import with_uploads
from shared.channels import Stance, load
from shared.content import Asking, Audience, Content, for_target

SAMPLES = Path(__file__).parents[2] / "deploy" / "samples"
REQUESTS = sorted((SAMPLES / "requests").glob("*.json"))
ENDS = {"published", "refused", "in_review", "cancelled", "rejected"}


def read(file: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return document


def asked(sample: dict[str, Any], part: str = "send") -> Asking:
    """Return a sample's request, its files as if they had been uploaded."""
    files = {name: str(uuid4()) for name in sample.get("uploads", {})}
    assert all((SAMPLES / "media" / name).is_file() for name in files)
    return Asking.model_validate(with_uploads(sample[part], files))


def contents(asking: Asking) -> list[Content]:
    return [for_target(asking, target) for target in asking.channels]


def titles_in(asking: Asking) -> set[str]:
    every = contents(asking)
    media = [medium for content in every for medium in content.media]
    media += [medium for content in every for part in content.thread or () for medium in part.media]
    return {medium.commons for medium in media if medium.commons}


@pytest.mark.parametrize("file", REQUESTS, ids=lambda file: file.stem)
def test_a_sample_is_a_valid_request_and_expects_an_end_for_each_of_its_channels(file: Path) -> None:
    sample = read(file)
    assert sample.keys() <= {"about", "uploads", "send", "publish_in", "edit", "cancel", "expect"}
    assert sample["about"]
    asking = asked(sample)
    assert {target.channel for target in asking.channels} == sample["expect"].keys()
    assert set(sample["expect"].values()) <= ENDS
    assert ("edit" in sample or "cancel" in sample) == (sample.get("publish_in", 0) > 0), "a change needs time"
    if "edit" in sample:
        edited = asked(sample, "edit")
        assert edited.channels == asking.channels
        assert edited.content != asking.content


@pytest.mark.parametrize("file", REQUESTS, ids=lambda file: file.stem)
def test_what_a_sample_expects_agrees_with_the_stance_of_its_channels(file: Path) -> None:
    channels = load(SAMPLES / "config").channels
    for channel, end in read(file)["expect"].items():
        stance, audience = channels[channel].stance, channels[channel].audience
        asks = stance is Stance.LIMITED or audience is Audience.INTERNAL
        assert (end == "in_review") == asks or end == "rejected", channel
        assert end == "refused" or stance is not Stance.OFF, channel


@pytest.mark.parametrize("file", REQUESTS, ids=lambda file: file.stem)
def test_every_picture_of_a_sample_is_recorded(file: Path) -> None:
    recorded = {read(record)["title"] for record in (SAMPLES / "commons").glob("*.json")}
    sample = read(file)
    for part in ("send", *(["edit"] if "edit" in sample else [])):
        assert titles_in(asked(sample, part)) <= recorded


def test_the_samples_together_show_every_end_and_every_channel() -> None:
    ends = [(channel, end) for file in REQUESTS for channel, end in read(file)["expect"].items()]
    assert {end for _, end in ends} == ENDS
    known = load(SAMPLES / "config").channels
    assert {channel for channel, _ in ends} == set(known)
    open_ones = {name for name, one in known.items() if one.stance is Stance.ON and one.audience is Audience.PUBLIC}
    assert {channel for channel, end in ends if end == "published"} == open_ones


def test_only_samples_that_show_a_refusal_lack_alternative_text() -> None:
    for file in REQUESTS:
        sample = read(file)
        media = [m for c in contents(asked(sample)) for m in c.media]
        if any(not medium.alt for medium in media):
            assert set(sample["expect"].values()) == {"refused"}, file.name


def test_objectives_and_regions_of_the_samples_are_those_of_the_strategy_or_absent() -> None:
    strategy = load(SAMPLES / "config").strategy
    regions = {*strategy.regions.primary.countries, *strategy.regions.secondary.countries}
    for file in REQUESTS:
        about = asked(read(file)).about
        assert about.objective is None or about.objective in strategy.objectives.parts, file.name
        assert set(about.regions) <= regions, file.name
