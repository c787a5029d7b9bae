"""The written strategy's figures and lists, each with its clause."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, PositiveInt, StringConstraints, model_validator

from shared.content import Line, Slug, Tier, WebAddress
from shared.model import Asked

Clause = Annotated[str, StringConstraints(pattern=r"^C[1-9][0-9]?$")]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]


class Objective(Asked):
    """What the channels are for (C13), or a part of it (C14)."""

    clause: Clause
    text: Line


class Objectives(Asked):
    """The goal and its parts; a post's `about.objective` names a part."""

    goal: Objective
    parts: Mapping[Slug, Objective] = Field(min_length=1)


class Regions(Asked):
    """Countries that come first, or second (C19, C20)."""

    clause: Clause
    as_of: date
    countries: tuple[Country, ...] = Field(min_length=1)
    """ISO 3166-1 alpha-2."""


class PriorityRegions(Asked):
    """Where the audience is sought (C18)."""

    primary: Regions
    secondary: Regions

    @model_validator(mode="after")
    def _no_country_twice(self) -> Self:
        named = self.primary.countries + self.secondary.countries
        if twice := sorted({country for country in named if named.count(country) > 1}):
            raise ValueError(f"names {', '.join(twice)} twice; once is enough, in 'primary' or in 'secondary'")
        return self


class TierLimit(Asked):
    """How long a video of a tier may be (C27-C29)."""

    clause: Clause
    video_seconds: PositiveInt


class Review(Asked):
    """How often a part of the strategy is looked at again."""

    clause: Clause
    every: Literal["quarter", "year"]


class Strategy(Asked):
    """`config/strategy.yaml`."""

    source: WebAddress
    as_of: date
    objectives: Objectives
    regions: PriorityRegions
    tiers: Mapping[Tier, TierLimit]
    reviews: Mapping[Literal["channels", "regions"], Review]

    @model_validator(mode="after")
    def _every_tier(self) -> Self:
        if missing := [tier.value for tier in Tier if tier not in self.tiers]:
            raise ValueError(f"has no entry in 'tiers' for {', '.join(missing)}; add one with 'video_seconds'")
        return self
