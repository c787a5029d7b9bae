"""Alerts fire when they should and are silent when they should be, by promtool's word; each has its page."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.local.programs import ROOT
from deploy.local.promtool import tool, unpacked

PROMETHEUS, ALERTMANAGER = ROOT / "deploy" / "prometheus", ROOT / "deploy" / "alertmanager"
FILES = sorted((PROMETHEUS / "rules").glob("*.yml"))
TESTS = sorted((PROMETHEUS / "tests").glob("*.yml"))
RUNBOOKS = ROOT / "docs" / "runbooks"
Labels = frozenset[tuple[str, str]]


def rules() -> Iterator[dict[str, Any]]:
    for file in FILES:
        for group in yaml.safe_load(file.read_text())["groups"]:
            yield from group["rules"]


def expectations() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Yield what the tests expect: an alert's name, and the labels under which it fires."""
    for file in TESTS:
        for test in yaml.safe_load(file.read_text())["tests"]:
            for one in test["alert_rule_test"]:
                yield one["alertname"], [fired["exp_labels"] for fired in one["exp_alerts"]]


RULES = [pytest.param(rule, id=" ".join([rule["alert"], *sorted(rule["labels"].values())])) for rule in rules()]


def run(*words: str | Path, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(word) for word in words], check=False, capture_output=True, text=True, **more)


@pytest.mark.timeout(600)  # the first run may unpack promtool
def test_prometheus_takes_its_configuration_and_rules() -> None:
    done = run(tool("promtool"), "check", "config", "--lint-fatal", PROMETHEUS / "prometheus.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(f"{file.name}\n" in done.stdout for file in FILES), done.stdout


@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.stem)
def test_alerts_fire_and_do_not_fire(file: Path) -> None:
    done = run(tool("promtool"), "test", "rules", file)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_can_say_no(tmp_path: Path) -> None:
    """Its word counts: with every threshold a thousand times as high, the tests fail."""
    shutil.copytree(PROMETHEUS, tmp_path, dirs_exist_ok=True)
    for file in (tmp_path / "rules").glob("*.yml"):
        file.write_text(re.sub(r"(> \d+)$", r"\g<1>000", file.read_text(), flags=re.MULTILINE))
    for file in (tmp_path / "tests").glob("*.yml"):
        assert run(tool("promtool"), "test", "rules", file).returncode != 0


@pytest.mark.timeout(600)
def test_promtool_can_be_had_where_none_is_installed() -> None:
    done = run(unpacked("promtool"), "check", "rules", *FILES)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("rule", RULES)
def test_every_alert_is_seen_firing_and_seen_silent(rule: dict[str, Any]) -> None:
    own = rule["labels"].items()
    seen = [any(own <= labels.items() for labels in fired) for name, fired in expectations() if name == rule["alert"]]
    assert True in seen
    assert False in seen


@pytest.mark.parametrize("rule", RULES)
def test_every_alert_says_what_it_means_and_has_its_page(rule: dict[str, Any]) -> None:
    told = rule["annotations"]
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert set(told) == {"summary", "description", "runbook_url"}
    page = (ROOT / told["runbook_url"]).read_text()
    assert rule["alert"] in page
    headings = re.findall(r"^## (.+)$", page, flags=re.MULTILINE)
    assert headings == ["What it means", "What to look at", "What to do", "Whom to wake"]
    assert f"]({page_of(rule)})" in (RUNBOOKS / "README.md").read_text()


def test_every_page_has_its_alert() -> None:
    assert {page.name for page in RUNBOOKS.glob("*.md")} - {"README.md"} == {page_of(rule) for rule in rules()}


def page_of(rule: dict[str, Any]) -> str:
    return Path(rule["annotations"]["runbook_url"]).name


def configured(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Start Alertmanager's script with a program in Alertmanager's place that shows the configuration it is given."""
    stand_in = folder / "alertmanager"
    stand_in.write_text('#!/bin/sh\nexec cat "${1#--config.file=}"\n')
    stand_in.chmod(0o755)
    path = {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "ALERT_CONFIG": str(ALERTMANAGER / "alertmanager.yml"),
        "ALERT_CONFIG_MADE": str(folder / "made.yml"),
    }
    return run("sh", ALERTMANAGER / "start.sh", env=path | environment)


MAIL = {"ALERT_EMAIL_TO": "ops@example.org", "ALERT_EMAIL_FROM": "c@example.org", "ALERT_SMTP_HOST": "mail:587"}


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("environment", "people"),
    [
        ({}, None),
        ({"ALERT_WEBHOOK_URL": "https://chat.example.org/?it='s&b=\"#"}, {"webhook_configs"}),
        (MAIL | {"ALERT_SMTP_USER": "u", "ALERT_SMTP_PASSWORD": "a: 'b' #"}, {"email_configs"}),
        (MAIL | {"ALERT_WEBHOOK_URL": "https://chat.example.org/"}, {"webhook_configs", "email_configs"}),
    ],
)
def test_alertmanager_tells_whom_the_environment_names(
    tmp_path: Path, environment: dict[str, str], people: set[str] | None
) -> None:
    done = configured(tmp_path, **environment)
    assert done.returncode == 0, done.stderr
    made = yaml.safe_load(done.stdout)
    assert made["route"]["receiver"] == ("people" if people else "nobody")
    (_, *named) = made["receivers"]
    assert [set(one) - {"name"} for one in named] == ([people] if people else [])
    if "ALERT_WEBHOOK_URL" in environment:
        assert named[0]["webhook_configs"][0]["url"] == environment["ALERT_WEBHOOK_URL"]
    if "ALERT_SMTP_PASSWORD" in environment:
        assert named[0]["email_configs"][0]["auth_password"] == environment["ALERT_SMTP_PASSWORD"]
    checked = run(tool("amtool"), "check-config", tmp_path / "made.yml")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_alertmanager_says_what_is_missing(tmp_path: Path) -> None:
    done = configured(tmp_path, ALERT_EMAIL_TO="ops@example.org")
    assert (done.returncode, done.stderr) == (2, "ALERT_SMTP_HOST: is missing; ALERT_EMAIL_TO needs it\n")
