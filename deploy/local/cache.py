"""What is downloaded once and kept in the checkout, in `.local/` (git ignores it)."""

import fcntl
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
CACHE = CHECKOUT / ".local"


def made_once(folder: Path, make: Callable[[Path], None]) -> Path:
    """Return `folder`, calling `make(part)` first if it is not there.

    `make` fills a folder beside it, which gets its name only when `make` returned: half a folder never counts. Two
    processes that ask at once share one making; one that was killed on the way leaves nothing that counts.
    """
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with locked(folder.with_name(f".{folder.name}.lock")):
        if folder.is_dir():
            return folder
        part = folder.with_name(f"{folder.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        make(part)
        part.rename(folder)
    return folder


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on a file; the system drops it when the process ends."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
