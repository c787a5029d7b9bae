"""A platform that exists nowhere, small enough to break every limit of it."""

from dataclasses import replace
from datetime import timedelta

from shared.adapter.spec import (
    Absence,
    CreditPlace,
    ImageLimit,
    PollLimit,
    Repeat,
    Spec,
    TextLimit,
    Unit,
    WarningPlace,
)
from shared.content import Kind

SMALL = Spec(
    name="small",
    text=(TextLimit(60, Unit.GRAPHEMES), TextLimit(200, Unit.UTF8)),
    kinds=frozenset({Kind.POST, Kind.IMAGE, Kind.CAROUSEL, Kind.THREAD, Kind.POLL}),
    images=ImageLimit(most=2, bytes=50_000, types=("image/jpeg", "image/png"), side=400, alt=20),
    repeat=Repeat.UNSAFE,
    absence=Absence.ASK,
    pace=(),
    metrics={},
    errors={},
    thread=3,
    tags=2,
    tag=8,
    poll=PollLimit(options=3, option=10, shortest=timedelta(minutes=5), longest=timedelta(days=7)),
    card=True,
    thumbnail=ImageLimit(most=1, bytes=20_000, types=("image/jpeg",)),
)
COUNTED = replace(SMALL, warning=WarningPlace.COUNTED, card=False)
IN_ALT = replace(SMALL, credit=CreditPlace.ALT)
IN_COMMENT = replace(SMALL, credit=CreditPlace.COMMENT)
