"""The `fields` parameter: names, their modifiers, and what is asked for within: `a,b.limit(0){c,d}`."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from deploy.sandbox.platforms.facebook.errors import bad_parameter

_MODIFIER = re.compile(r"\.(\w+)\(([^()]*)\)")
_NAME = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Field:
    """One field that is asked for."""

    name: str
    modifiers: Mapping[str, str]
    within: str = ""


Entity = Mapping[str, Any | Callable[[Field], Any]]
"""A node: its fields' values, or functions that make them."""


def parse(asked: str) -> list[Field]:
    """Return the fields of a parameter, in order."""
    return [_field(part) for part in _split(asked) if part]


def pick(entity: Entity, asked: str) -> dict[str, Any]:
    """Return a node's id and the fields asked for, those without a value left out; refuses unknown ones."""
    picked = {"id": entity["id"]}
    for field in parse(asked):
        if field.name not in entity:
            raise bad_parameter(f"Tried accessing nonexisting field ({field.name})")
        value = entity[field.name]
        value = value(field) if callable(value) else value
        if value is not None:
            picked[field.name] = value
    return picked


def _split(asked: str) -> list[str]:
    parts, depth = [""], 0
    for letter in asked:
        depth += (letter in "({") - (letter in ")}")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def _field(part: str) -> Field:
    head, _, rest = part.partition("{")
    if not (name := _NAME.match(head.strip())):
        raise bad_parameter(f"Syntax error in fields at {part!r}")
    return Field(name[0], dict(_MODIFIER.findall(head)), rest.removesuffix("}"))
