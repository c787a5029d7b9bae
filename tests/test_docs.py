"""What the pages say is so: links lead somewhere, targets can be made, names are those of the code."""

import json
import re
import tomllib
from collections.abc import Iterator
from importlib import import_module
from itertools import takewhile
from pathlib import Path
from urllib.parse import unquote

import pytest

from deploy.local.programs import PROGRAMS, SAMPLES
from services.ingest.fanout import Channels, excesses, fan_out
from services.ingest.standing import State as PostState
from services.publisher.life import State as DeliveryState
from shared import platforms
from shared.channels import RegistryFile
from shared.content import Asking
from shared.mailbox import topology

ROOT = Path(__file__).parents[1]
README, CONTRIBUTING = ROOT / "README.md", ROOT / "CONTRIBUTING.md"
ARCHITECTURE, DEPENDENCIES = ROOT / "docs" / "architecture.md", ROOT / "docs" / "dependencies.md"
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
PAGES = sorted([*ROOT.glob("*.md"), *(p for f in ("docs", "deploy", "bench") for p in (ROOT / f).rglob("*.md"))])
SERVICES = ("ingest", "policy", "publisher", "metrics")


def named(page: Path) -> set[str]:
    """Return what a page writes as code, outside of its blocks."""
    return set(re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)))


def links(page: Path) -> Iterator[str]:
    """Yield the addresses that a page leads to within the checkout."""
    prose = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for address in re.findall(r"\]\(([^)\s]+(?:\([^)\s]*\)[^)\s]*)*)\)", prose):
        if not re.match(r"[a-z]+:", address):
            yield unquote(address)


def anchors(page: Path) -> set[str]:
    """Return what one can lead to on a page, as GitHub names its headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    wrong = []
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            wrong.append(link)
    assert not wrong


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_target_that_is_named_can_be_made(page: Path) -> None:
    said = re.findall(r"(?:`|\$ |\$\()make (?:-s )?([a-z][a-z0-9-]*)", page.read_text())
    targets = re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert set(said) <= set(targets)


def test_every_dependency_has_its_line_and_no_line_is_left_over() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = [project["project"]["dependencies"], *project["dependency-groups"].values()]
    wanted = {re.split(r"[<>=~! ]", one)[0] for group in groups for one in group if isinstance(one, str)}
    packages = DEPENDENCIES.read_text().partition("## Servers")[0]
    assert set(re.findall(r"^\| `([^`]+)` \|", packages, flags=re.MULTILINE)) == wanted


def test_the_map_names_folders_that_are_there() -> None:
    drawn = README.read_text().partition("## Where things are")[2].split("```")[1]
    folder, missing = ROOT, []
    for line in drawn.strip().splitlines():
        names = list(takewhile(lambda word: word.endswith(("/", ".py")), line.split()))
        folder = folder if line.startswith(" ") else ROOT / names.pop(0)
        missing += [path for path in (folder, *(folder / name for name in names)) if not path.exists()]
    assert not missing


def test_the_first_request_is_one_that_ingest_takes() -> None:
    body = re.search(r"-d '(\{.*?^\})'", README.read_text(), flags=re.DOTALL | re.MULTILINE)
    assert body
    asking = Asking.model_validate(json.loads(body[1]))
    wanted, wrong = fan_out(asking, Channels(RegistryFile(SAMPLES / "config")))
    assert len(wanted) == len(asking.channels)
    assert [*wrong, *(excess for one in wanted for excess in excesses(one, {}))] == []


def test_architecture_names_every_process_queue_and_state() -> None:
    names = named(ARCHITECTURE)
    assert set(PROGRAMS) <= names
    assert {queue.name for queue in topology(platforms.specs())} <= names
    assert {*PostState, *DeliveryState} <= names | named(ROOT / "docs" / "delivery.md")


@pytest.mark.parametrize("service", SERVICES)
def test_architecture_names_every_table(service: str) -> None:
    tables = import_module(f"services.{service}.tables").Base.metadata.tables
    assert set(tables) <= named(ARCHITECTURE)


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_a_decision_has_its_headings_and_its_line(page: Path) -> None:
    number, headings = page.stem[:4], re.findall(r"^## (.+)$", page.read_text(), flags=re.MULTILINE)
    assert page.read_text().startswith(f"# {number} ")
    assert headings == ["Context", "Decision", "Why", "What else there was", "What follows"]
    assert f"[{number}]({page.name})" in (page.parent / "README.md").read_text()
