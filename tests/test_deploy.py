"""What is deployed is what there is: compose, Prometheus and dashboard name processes and metrics as the code does."""

import importlib
import json
import pkgutil
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

import services
import shared
from deploy import credentials
from deploy.credentials import take_accounts
from deploy.local.programs import PROGRAMS, ROOT
from services.publisher.apps import Apps
from shared import box
from shared.channels import load

DEPLOY = ROOT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "docker-compose.yml").read_text())
SCRAPED: list[dict[str, Any]] = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana" / "dashboards" / "pipeline.json").read_text())
PANELS: list[dict[str, Any]] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def test_compose_runs_every_process_once() -> None:
    found = {
        name: (one["build"]["args"]["SERVICE"], *one["command"])
        for name, one in COMPOSE["services"].items()
        if "SERVICE" in one.get("build", {}).get("args", {}) and one["command"] != ["migrate"]
    }
    assert found == dict(PROGRAMS)


def test_compose_migrates_every_service() -> None:
    wanted = {f"{service}-migrate" for service, *_ in PROGRAMS.values()}
    assert wanted == {name for name, one in COMPOSE["services"].items() if one.get("command") == ["migrate"]}


def test_prometheus_scrapes_every_process() -> None:
    (job,) = (one for one in SCRAPED if one["job_name"] == "carillon")
    (names,) = (one["names"] for one in job["dns_sd_configs"])
    assert sorted(names) == sorted(PROGRAMS)


RULES = sorted((DEPLOY / "prometheus" / "rules").glob("*.yml"))


def expressions() -> str:
    """Return every query of the dashboard and the alerts."""
    rules = [rule for file in RULES for group in yaml.safe_load(file.read_text())["groups"] for rule in group["rules"]]
    return json.dumps([PANELS, [rule["expr"] for rule in rules]])


def test_dashboard_and_alerts_ask_for_metrics_that_the_code_declares() -> None:
    for package in (shared, services):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith((".__main__", ".env")) and ".migrations" not in module.name:
                importlib.import_module(module.name)
    declared = {metric.name for metric in REGISTRY.collect()}
    asked = set(re.findall(r"\bcarillon_[a-z_]+", expressions()))
    assert {re.sub(r"_(total|bucket)$", "", name) for name in asked} <= declared


def test_every_alert_and_its_figures_are_on_the_dashboard() -> None:
    drawn = json.dumps(PANELS)
    asked = set(re.findall(r"\bcarillon_[a-z_]+", expressions()))
    besides = {name for name in asked if name not in drawn}
    # What tells a silent consumer or a wrong file apart is read in the alert itself, and in its page.
    assert besides <= {
        "carillon_queue_ready",
        "carillon_consumer_busy_since_timestamp_seconds",
        "carillon_config_wrong",
        "carillon_deliveries_counted_timestamp_seconds",
        "carillon_comments_missing_total",
    }


def test_panels_are_complete() -> None:
    (source,) = yaml.safe_load((DEPLOY / "grafana/provisioning/datasources/prometheus.yaml").read_text())["datasources"]
    assert all(panel["title"] for panel in DASHBOARD["panels"])
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    for panel in PANELS:
        assert panel["description"], panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
        assert all(one == {"type": source["type"], "uid": source["uid"]} for one in sources), panel["title"]


def test_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        squares = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not squares & taken, panel["title"]
        assert at["x"] + at["w"] <= 24, panel["title"]
        taken |= squares


@pytest.mark.parametrize("act", ["up", "down", "logs", "token", "accounts"])
def test_without_docker_a_sentence_says_so(act: str, tmp_path: Path) -> None:
    for tool in ("bash", "dirname"):
        (tmp_path / tool).symlink_to(str(shutil.which(tool)))
    script = [str(tmp_path / "bash"), str(DEPLOY / "compose.sh"), act]
    done = subprocess.run(script, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("This needs Docker: https://")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("wikipedia/bluesky: {password: hush", "accounts: this is not YAML"),
        ("- hush", "accounts: write `channel:`"),
        ("wikipedia/bluesky: hush", "accounts: write `channel:`"),
        ("wikipedia/blusky: {password: hush}", "accounts: not in the channel registry: wikipedia/blusky"),
    ],
)
def test_wrong_accounts_are_told_without_a_secret(text: str, said: str) -> None:
    with pytest.raises(SystemExit) as told:
        take_accounts(text, ROOT / "config")
    assert str(told.value).startswith(said)
    assert "hush" not in str(told.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x: {client_secret: hush", "accounts: this is not YAML; write `platform:`"),
        ("x: hush", "accounts: write `platform:` (such as x)"),
        ("wikipedia/x: {client_secret: hush}", "accounts: no platform of ours: wikipedia/x"),
    ],
)
def test_wrong_apps_are_told_without_a_secret(text: str, said: str) -> None:
    with pytest.raises(SystemExit) as told:
        take_accounts(text, ROOT / "config", "apps")
    assert str(told.value).startswith(said)
    assert "hush" not in str(told.value)


def test_credentials_are_made_once_and_fit_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = {
        name: tmp_path / path.relative_to(credentials.FOLDER)
        for name, path in vars(credentials).items()
        if isinstance(path, Path) and path != credentials.FOLDER
    }
    for name, path in places.items():
        path.parent.mkdir(exist_ok=True)
        monkeypatch.setattr(credentials, name, path)
    credentials.make(ROOT / "config")
    first = {path: path.read_text() for path in places.values()}
    credentials.make(ROOT / "config")
    assert {path: path.read_text() for path in places.values()} == first
    opens = box.private_key(first[places["METRICS_PRIVATE_KEY"]])
    closed = box.close("hush", box.public_key(first[places["METRICS_PUBLIC_KEY"]]), "a/x")
    assert box.open_box(closed, opens, "a/x") == "hush"
    assert places["METRICS_PRIVATE_KEY"].stat().st_mode & 0o777 == 0o600
    apps = Apps(places["APPS"], lambda: load(ROOT / "config"))
    assert {apps.of(channel).client_id for channel in load(ROOT / "config").channels.values()} == {"carillon", ""}
