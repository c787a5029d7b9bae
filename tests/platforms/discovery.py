"""Google's discovery documents as a judge: whether a request, or an answer, is one that the API has.

The documents are those inside `google-api-python-client`; nothing of that package is imported.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import files
from typing import Any
from urllib.parse import parse_qs

DOCUMENTS = ("youtube.v3.json", "youtubeAnalytics.v2.json")
_TYPES: Mapping[str, Any] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "array": (list,),
    "object": (dict,),
}
_FORMATS = {
    "date-time": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"),
    "uint64": re.compile(r"\d+"),
    "int64": re.compile(r"-?\d+"),
}


@dataclass(frozen=True, eq=False)
class Method:
    """One method of an API, with the document that it is from."""

    id: str
    said: Mapping[str, Any]
    document: Mapping[str, Any]

    @property
    def scopes(self) -> frozenset[str]:
        return frozenset(self.said.get("scopes", ()))

    @property
    def upload(self) -> Mapping[str, Any]:
        return dict(self.said.get("mediaUpload", {}))

    def wrong(self, request: Mapping[str, Any]) -> Iterator[str]:
        """Yield what of a logged request the document does not know."""
        yield from self._parameters(request["query"])
        uploads = request["path"].startswith("/upload/")
        if uploads and request["method"] != "POST":
            return  # the bytes of a session: the document is silent about them
        if uploads:
            yield from self._media(request["headers"])
        yield from self._body(request, uploads)

    def answered(self, told: Any) -> list[str]:
        """Return what of an answer the document does not know."""
        if told is None or "response" not in self.said:
            return []
        return list(self._fits(told, self.said["response"], "answer"))

    def _parameters(self, query: str) -> Iterator[str]:
        own: Mapping[str, Any] = self.said.get("parameters", {})
        asked = parse_qs(query, keep_blank_values=True)
        for name, rule in own.items():
            if rule.get("required") and not asked.get(name):
                yield f"{self.id}: {name} is required"
        for name, values in asked.items():
            if name == "upload_id":
                continue  # a session's own, in the address that the platform gave
            rule = own.get(name) or self.document["parameters"].get(name)
            if rule is None:
                yield f"{self.id}: there is no parameter {name}"
                continue
            if len(values) > 1 and not rule.get("repeated"):
                yield f"{self.id}: {name} is given twice"
            for value in values:
                yield from self._parameter(name, value, rule)
                if name == "part":
                    yield from self._parts(value)

    def _parameter(self, name: str, value: str, rule: Mapping[str, Any]) -> Iterator[str]:
        if "enum" in rule and value not in rule["enum"]:
            yield f"{self.id}: {name} cannot be {value}"
        if rule["type"] == "boolean" and value not in ("true", "false"):
            yield f"{self.id}: {name} is no boolean: {value}"
        if rule["type"] == "integer":
            least, most = int(rule.get("minimum", -(2**31))), int(rule.get("maximum", 2**31))
            if not value.lstrip("-").isdecimal() or not least <= int(value) <= most:
                yield f"{self.id}: {name} is not within {least} and {most}: {value}"
        pattern = re.search(r"pattern: \"?(\S+)", rule.get("description", ""))
        if pattern and not re.fullmatch(pattern[1].rstrip('",'), value):
            yield f"{self.id}: {name} does not look so: {value}"

    def _parts(self, value: str) -> Iterator[str]:
        shape = self.document["schemas"][self.said["response"]["$ref"]]
        items = shape["properties"].get("items")
        if items:
            shape = self.document["schemas"][items["items"]["$ref"]]
        for part in value.split(","):
            if part not in shape["properties"]:
                yield f"{self.id}: there is no part {part}"

    def _media(self, headers: Mapping[str, str]) -> Iterator[str]:
        kind = headers.get("x-upload-content-type") or headers.get("content-type", "")
        size = int(headers.get("x-upload-content-length") or headers.get("content-length", "0"))
        if not any(re.fullmatch(known.replace("*", ".+"), kind) for known in self.upload["accept"]):
            yield f"{self.id}: takes no {kind}"
        if not 0 < size <= int(self.upload["maxSize"]):
            yield f"{self.id}: takes no {size} bytes"

    def _body(self, request: Mapping[str, Any], uploads: bool) -> Iterator[str]:
        if "request" in self.said:
            yield from self._fits(json.loads(request["body"]), self.said["request"], "body")
        elif request["body"] and not uploads:
            yield f"{self.id}: takes no body"

    def _fits(self, value: Any, rule: Mapping[str, Any], place: str) -> Iterator[str]:
        if "$ref" in rule:
            rule = self.document["schemas"][rule["$ref"]]
        kind = rule["type"]
        if kind == "any":
            return
        if not isinstance(value, _TYPES[kind]) or (kind == "integer" and isinstance(value, bool)):
            yield f"{self.id}: {place} is no {kind}: {value!r}"
            return
        if "enum" in rule and value not in rule["enum"]:
            yield f"{self.id}: {place} cannot be {value!r}"
        if (form := _FORMATS.get(rule.get("format", ""))) and not form.fullmatch(value):
            yield f"{self.id}: {place} is no {rule['format']}: {value!r}"
        if kind == "array":
            for number, one in enumerate(value):
                yield from self._fits(one, rule["items"], f"{place}.{number}")
        if kind == "object":
            yield from self._properties(value, rule, place)

    def _properties(self, value: Mapping[str, Any], rule: Mapping[str, Any], place: str) -> Iterator[str]:
        known, other = rule.get("properties", {}), rule.get("additionalProperties")
        for name, one in value.items():
            if inner := known.get(name) or other:
                yield from self._fits(one, inner, f"{place}.{name}")
            else:
                yield f"{self.id}: {place} has no {name}"


def methods() -> dict[tuple[str, str], Method]:
    """Return every method by HTTP method and path, those of uploads too."""
    found: dict[tuple[str, str], Method] = {}
    for document in map(_document, DOCUMENTS):
        for resource in document["resources"].values():
            for said in resource.get("methods", {}).values():
                method = Method(said["id"], said, document)
                found[said["httpMethod"], f"/{said['path']}"] = method
                if method.upload:
                    found[said["httpMethod"], method.upload["protocols"]["simple"]["path"]] = method
    return found


def _document(name: str) -> Any:
    (path,) = (one for one in files("google-api-python-client") or () if one.name == name)
    return json.loads(path.read_text(encoding="utf-8"))
