"""A YAML file of secrets: read again when it changes, kept as it was when it becomes wrong, never quoted."""

from pathlib import Path
from typing import Any, Generic, TypeVar

import structlog
import yaml
from pydantic import TypeAdapter, ValidationError

log = structlog.get_logger()

T = TypeVar("T")


class SecretsFile(Generic[T]):
    """What a file says, by its form; `empty` as long as there is none that can be used."""

    def __init__(self, path: Path, form: TypeAdapter[T], empty: T, what: str) -> None:
        self._path = path
        self._form = form
        self._said = empty
        self._what = what
        self._stamp: tuple[int, int] | None = None

    def current(self) -> T:
        """Return what the file says now; a file that cannot be used leaves the last good one in force."""
        try:
            status = self._path.stat()
        except OSError:
            return self._said
        stamp = (status.st_mtime_ns, status.st_size)
        if stamp != self._stamp:
            self._stamp = stamp
            self._read()
        return self._said

    def _read(self) -> None:
        try:
            self._said = self._form.validate_python(yaml.safe_load(self._path.read_text(encoding="utf-8")) or {})
        except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError) as error:
            # The error's own text may quote a secret.
            sentence = f"the {self._what} file cannot be used; the last good one stays"
            log.error(sentence, kind=type(error).__name__, **_where(error))


def _where(error: Exception) -> dict[str, Any]:
    if isinstance(error, ValidationError):
        return {"fields": [".".join(map(str, detail["loc"])) for detail in error.errors(include_input=False)]}
    return {}
