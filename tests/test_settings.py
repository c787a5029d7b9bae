"""Settings are told to people, and nobody's `.env` tells them to a test."""

from pathlib import Path

import pytest
import yaml

from deploy.asyncapi import asyncapi
from deploy.docs import ASYNCAPI, DELIVERY, SETTINGS, delivery_page, service_settings, settings_page
from shared.events import EVENTS
from shared.settings import Settings


def test_every_setting_is_in_docs_settings() -> None:
    assert SETTINGS.read_text() == settings_page(), "stale: run `python -m deploy.docs settings`"


def test_asyncapi_is_what_the_events_are() -> None:
    assert ASYNCAPI.read_text() == asyncapi(), "stale: run `python -m deploy.docs asyncapi`"


def test_the_drawing_of_a_deliverys_life_is_that_of_the_code() -> None:
    assert DELIVERY.read_text() == delivery_page(), "stale: run `python -m deploy.docs delivery`"


def test_asyncapi_refers_to_nothing_that_is_not_there() -> None:
    page = yaml.safe_load(asyncapi())
    assert len(page["channels"]) == len(EVENTS)
    for reference in _references(page):
        place = page
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def test_a_dotenv_file_is_not_read_by_tests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("NAMESPACE=somebodys\n")
    monkeypatch.chdir(tmp_path)
    kinds: list[type[Settings]] = [Settings, *(kind for _, kind in service_settings())]
    assert {kind().namespace for kind in kinds} == {"carillon"}


def _references(tree: object) -> list[str]:
    if isinstance(tree, dict):
        found = [tree["$ref"]] if isinstance(tree.get("$ref"), str) else []
        return found + [reference for branch in tree.values() for reference in _references(branch)]
    if isinstance(tree, list):
        return [reference for branch in tree for reference in _references(branch)]
    return []
