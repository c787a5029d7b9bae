"""The next version of a service: `python -m chaos.next services.publisher worker x`.

Its events say more than this version knows. Its database has columns that this version does not know either: the fault
adds them before the first process of the next version starts (expand first).
"""

import json
import runpy
import sys
from typing import Any

MORE = {"said_by_the_next_version": {"a": [1, 2, 3]}}


def speak() -> None:
    """Have every event say more."""
    from shared.mailbox import outbox

    real = outbox.body_of

    def body_of(event: Any) -> bytes:
        return json.dumps(json.loads(real(event)) | MORE).encode()

    outbox.body_of = body_of  # type: ignore[attr-defined]


if __name__ == "__main__":
    module, *words = sys.argv[1:]
    speak()
    sys.argv = [module, *words]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
