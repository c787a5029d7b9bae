"""The next version of a service: `python -m chaos.next services.publisher worker x`.

Its events say more than this version knows. Its database has columns that this version does not know either: the fault
adds them before the first process of the next version starts (expand first).
"""

import json
import runpy
import sys
from importlib import import_module
from typing import Any

MORE = {"said_by_the_next_version": {"a": [1, 2, 3]}}


def speak() -> None:
    """Have every event say more."""
    outbox: Any = import_module("shared.mailbox.outbox")
    real = outbox.body_of

    def body_of(event: Any) -> bytes:
        return json.dumps(json.loads(real(event)) | MORE).encode()

    outbox.body_of = body_of


if __name__ == "__main__":
    module, *words = sys.argv[1:]
    speak()
    sys.argv = [module, *words]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
