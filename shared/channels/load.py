"""Reading `config/`: one value, or an error that names file, field and remedy."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import Field, ValidationError

from shared.channels.registry import Channel, OwnerRole, Registry
from shared.channels.strategy import Strategy
from shared.content import ChannelId, Slug, WebAddress
from shared.model import Asked

CHANNELS = "channels.yaml"
STRATEGY = "strategy.yaml"

Model = TypeVar("Model", bound=Asked)


class ConfigError(Exception):
    """A file of `config/` cannot be used; the text names file, field and remedy."""


def load(config_dir: Path, platform_urls: Mapping[str, str] | None = None) -> Registry:
    """Read the channels and the strategy of a folder; raises ConfigError.

    `platform_urls` (platform → address) replaces the base address of every channel of that platform: that is how a
    sandbox stands in for the real ones. A folder whose `channels.yaml` begins with `based_on: <folder>` holds only what
    differs from that folder: fields of its channels are laid over, its `strategy.yaml` may be left out.
    """
    layers = list(_layers(config_dir))
    document, place = _merged(layers), _place(layers)
    book = _checked(_Book, document, place)
    channels = {key: _channel(key, book, place, platform_urls or {}) for key in book.channels}
    strategy_file = next((f.parent / STRATEGY for f in layers if (f.parent / STRATEGY).exists()), None)
    if strategy_file is None:
        raise ConfigError(f"{config_dir / STRATEGY}: is missing; add it, or set CONFIG_DIR to the folder that has it")
    files = (*layers, strategy_file)
    strategy = _checked(Strategy, _read(strategy_file), str(strategy_file))
    return Registry(channels, book.owners, strategy, _digest(files), files)


class _Book(Asked):
    """`channels.yaml`, before its defaults are laid under each channel."""

    followers_source: WebAddress
    owners: Mapping[Slug, OwnerRole] = Field(min_length=1)
    defaults: Mapping[str, Any] = Field(default_factory=dict)
    channels: Mapping[ChannelId, Mapping[str, Any]] = Field(min_length=1)


def _layers(config_dir: Path) -> Iterator[Path]:
    """Yield the `channels.yaml` of a folder, then of the folder it is based on, and so on."""
    seen: set[Path] = set()
    folder: Path | None = config_dir
    while folder is not None:
        file = folder / CHANNELS
        if file.resolve() in seen:
            raise ConfigError(f"{file}: 'based_on' leads back to itself; name the folder that holds the base")
        seen.add(file.resolve())
        yield file
        base = _read(file).get("based_on")
        folder = folder / str(base) if base else None


def _place(layers: list[Path]) -> str:
    """Say where a wrong field may be: in the file itself, or in one that it is based on."""
    return str(layers[0]) + "".join(f" (based on {file})" for file in layers[1:])


def _merged(layers: list[Path]) -> dict[str, Any]:
    """Lay each file over its base: top-level entries replace, `owners`, `defaults` and channels are merged by field."""
    merged: dict[str, Any] = {}
    for file in reversed(layers):
        for key, value in _read(file).items():
            if key == "channels":
                merged[key] = _laid_over(merged.get(key), value, depth=2)
            elif key in ("owners", "defaults"):
                merged[key] = _laid_over(merged.get(key), value, depth=1)
            elif key != "based_on":
                merged[key] = value
    return merged


def _laid_over(base: object, top: object, depth: int) -> object:
    if depth == 0 or not isinstance(base, dict) or not isinstance(top, dict):
        return top
    return base | {key: _laid_over(base.get(key), value, depth - 1) for key, value in top.items()}


def _channel(key: str, book: _Book, place: str, platform_urls: Mapping[str, str]) -> Channel:
    fields = {"id": key} | dict(book.defaults) | dict(book.channels[key])
    if isinstance(counted := fields.get("followers"), dict):
        fields["followers"] = {"source": book.followers_source} | counted
    if url := platform_urls.get(key.partition("/")[2]):
        fields["base_url"] = url
    channel = _checked(Channel, fields, place, f"channels.{key}.")
    for role in channel.owners + channel.shared_with:
        if role not in book.owners:
            known = ", ".join(book.owners)
            raise ConfigError(
                f"{place}: channels.{key}: no role '{role}'; add it under 'owners', or name one of {known}"
            )
    return channel


def _checked(model: type[Model], document: Mapping[str, Any], place: str, prefix: str = "") -> Model:
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise ConfigError("\n".join(f"{place}: {line}" for line in _complaints(error, model, prefix))) from error


def _complaints(error: ValidationError, model: type[Asked], prefix: str) -> Iterator[str]:
    for wrong in error.errors():
        field = prefix + ".".join(map(str, wrong["loc"]))
        match wrong["type"]:
            case "missing":
                yield f"{field}: is missing; add it"
            case "extra_forbidden":
                known = f"; known are {', '.join(model.model_fields)}" if len(wrong["loc"]) == 1 else ""
                yield f"{field}: is not a field; correct its name or remove it{known}"
            case _:
                said = wrong["msg"].removeprefix("Value error, ")
                yield f"{field or 'the file'}: {said}; it is {wrong['input']!r:.80}"


class _Loader(yaml.BaseLoader):
    """Plain YAML: every scalar stays text, so `on`, `NO` and `22:30` mean what they say; no key twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return the mapping; raises ConstructorError for a key that is there twice."""
        keys = [key.value for key, _ in node.value]
        if twice := next((key for key in keys if keys.count(key) > 1), None):
            raise yaml.constructor.ConstructorError(None, None, f"'{twice}' is there twice; keep one", node.start_mark)
        return super().construct_mapping(node, deep)


def _read(file: Path) -> dict[str, Any]:
    try:
        document = _Loader(file.read_text(encoding="utf-8")).get_single_data()
    except FileNotFoundError as error:
        raise ConfigError(f"{file}: is missing; add it, or set CONFIG_DIR to the folder that has it") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: cannot be read ({error}); make it readable UTF-8 text") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{file}: is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(document, dict):
        raise ConfigError(f"{file}: holds no fields; see config/{file.name} for its form")
    return document


def _digest(files: tuple[Path, ...]) -> str:
    """Hash names and contents, not places: two checkouts of the same files agree."""
    total = hashlib.sha256()
    for file in files:
        total.update(f"{file.name}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()
