"""The dashboard's every query, asked of the running Prometheus after the other tests have made traffic."""

import json
import math
import re
import time
from typing import Any

import pytest

from tests.compose.stack import DEPLOY, Prometheus, Stack, until

pytestmark = [pytest.mark.compose, pytest.mark.timeout(300)]

DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana" / "dashboards" / "pipeline.json").read_text())
PANELS: list[dict[str, Any]] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
METRIC = re.compile(r"\b(?:carillon|rabbitmq|process)_[a-z_]+|\bup\b")
STEP = 5

MAY_BE_EMPTY = {
    "sum by (service, loop) (increase(carillon_loop_restarts_total[5m]))": "no loop has ended by itself",
    "sum by (service, cause) (increase(carillon_dead_letters_arrived_total[5m]))": "no message died",
    "sum by (act) (increase(carillon_acts_crashed_total[5m]))": "no act has crashed",
    "sum by (platform) (increase(carillon_leases_overrun_total[1h]))": "no worker was lost in the middle of a call",
    'sum by (platform) (increase(carillon_tries_total{outcome="orphan"}[1h]))': "nobody took a post over",
    "min(carillon_token_days_left)": "the sandbox's tokens need not end",
    "min by (channel) (carillon_token_days_left) < Inf": "the sandbox's tokens need not end",
}
"""Queries that have nothing to show while nothing goes wrong, and why; their metrics must be known all the same."""


QUERIES = [
    pytest.param(target["expr"], id=f"{panel['title']} {target['refId']}")
    for panel in PANELS
    for target in panel["targets"]
]


@pytest.mark.parametrize("query", QUERIES)
async def test_query_has_data(stack: Stack, prometheus: Prometheus, query: str) -> None:
    asked = query.replace("$__rate_interval", "1m")

    async def shown() -> bool:
        answer = await prometheus.ask(
            "query_range", query=asked, start=str(stack.began), end=str(time.time()), step=str(STEP)
        )
        return any(math.isfinite(float(value)) for series in answer["result"] for _, value in series["values"])

    if query in MAY_BE_EMPTY:
        await shown()  # it is understood
    else:
        await until(shown, f"{query} has a number to show", 30)


@pytest.mark.parametrize("query", QUERIES)
async def test_query_asks_for_metrics_that_exist(prometheus: Prometheus, query: str) -> None:
    known = {entry["metric"] for entry in await prometheus.ask("targets/metadata")} | {"up"}
    for name in METRIC.findall(query):
        family = name.removesuffix("_bucket")
        assert {family, family.removesuffix("_total")} & known, f"{name} is declared by no process"


def test_what_may_be_empty_is_still_asked() -> None:
    assert set(MAY_BE_EMPTY) <= {target["expr"] for panel in PANELS for target in panel["targets"]}
