"""Pages made from the code: `python -m deploy.docs settings | asyncapi | delivery | golden`.

Tests fail when one is stale.
"""

import argparse
import importlib
import json
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

import services
from deploy.asyncapi import asyncapi
from deploy.golden import add_missing
from services.publisher.life import FIRST, MEANING, WHY
from shared.settings import Settings

ROOT = Path(__file__).parents[1]
SETTINGS = ROOT / "docs" / "settings.md"
ASYNCAPI = ROOT / "docs" / "asyncapi.yaml"
DELIVERY = ROOT / "docs" / "delivery.md"
GOLDEN = ROOT / "tests" / "events" / "golden"

INTRODUCTION = """\
# Settings

Every setting of every process, read from the environment (or from `.env` in the working directory), each under the name
below. A process with a wrong one ends at once and says which. This page is made by `python -m deploy.docs settings`.
"""

LIFE = """\
# The life of a delivery

Every change of state that a delivery in publisher can make, and why. The database refuses every other one, and writes
each down in `transition`: when, from what to what, who moved it and why (`GET /v1/deliveries/{post}` shows them as
`moves`). This page is made by `python -m deploy.docs delivery` from `services/publisher/life.py`.
"""


def main() -> None:
    """Write one of the pages, or the golden samples that are missing."""
    parser = argparse.ArgumentParser(prog="python -m deploy.docs", description=__doc__)
    parser.add_argument("what", choices=["settings", "asyncapi", "delivery", "golden"])
    match parser.parse_args().what:
        case "settings":
            SETTINGS.write_text(settings_page())
        case "asyncapi":
            ASYNCAPI.write_text(asyncapi())
        case "delivery":
            DELIVERY.write_text(delivery_page())
        case _:
            for path in add_missing(GOLDEN):
                sys.stdout.write(f"{path.relative_to(ROOT)}\n")


def settings_page() -> str:
    """Return docs/settings.md."""
    sections = [("Every process", dict(Settings.model_fields))]
    for name, kind in service_settings():
        own = {field: info for field, info in kind.model_fields.items() if field not in Settings.model_fields}
        if own:
            sections.append((name.capitalize(), own))
    return "\n".join([INTRODUCTION, *(_section(title, fields) for title, fields in sections)])


def delivery_page() -> str:
    """Return docs/delivery.md: the life of a delivery, drawn."""
    first = [f"    [*] --> {state}" for state in sorted(FIRST)]
    moves = [f"    {was} --> {became}: {why}" for (was, became), why in WHY.items()]
    rows = [f"| `{state}` | {meaning} | {look} |" for state, (meaning, look) in MEANING.items()]
    drawn = ["```mermaid", "stateDiagram-v2", *first, *moves, "```", ""]
    return "\n".join([LIFE, *drawn, "| state | means | next look |", "|---|---|---|", *rows, ""])


def service_settings() -> Iterator[tuple[str, type[Settings]]]:
    """Give each service that has settings of its own, with their class."""
    for module in pkgutil.iter_modules(services.__path__):
        if not (Path(services.__path__[0]) / module.name / "settings.py").exists():
            continue
        found = vars(importlib.import_module(f"services.{module.name}.settings")).values()
        kinds = [
            kind for kind in found if isinstance(kind, type) and issubclass(kind, Settings) and kind is not Settings
        ]
        yield from ((module.name, kind) for kind in kinds)


def _section(title: str, fields: dict[str, FieldInfo]) -> str:
    rows = [f"| `{name.upper()}` | {_default(info)} | {_sentence(name, info)} |" for name, info in fields.items()]
    return "\n".join([f"## {title}", "", "| setting | default | what it is |", "|---|---|---|", *rows, ""])


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return "**required**"
    value = info.get_default(call_default_factory=True, validated_data={})
    if value is None or value == "" or value is PydanticUndefined:
        return "–"
    if isinstance(value, SecretStr):
        return f"`{value.get_secret_value()}`"  # a default is no secret: it is in the code
    return f"`{json.dumps(value) if isinstance(value, dict | list | tuple) else value}`"


def _sentence(name: str, info: FieldInfo) -> str:
    if not info.description:
        raise ValueError(f"the setting {name.upper()} has no sentence: add a docstring below it")
    return " ".join(info.description.split()).replace("|", "\\|")


if __name__ == "__main__":
    main()
