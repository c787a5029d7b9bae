"""A process whose clock goes wrong: `python -m chaos.skewed SECONDS services.publisher worker x`.

What a process reads as the time of day, from `time.time` or `datetime.now`, is off by that much; how long something
takes is not.
"""

import datetime as dates
import runpy
import sys
import time


def skew(seconds: float) -> None:
    """Set this process's clock off, for all that is imported from now on."""
    real = dates.datetime
    true_time = time.time

    class Skewed(real):  # type: ignore[misc, valid-type] # the type is chosen at run time
        @classmethod
        def now(cls, tz: dates.tzinfo | None = None) -> dates.datetime:
            return real.now(tz) + dates.timedelta(seconds=seconds)

        @classmethod
        def utcnow(cls) -> dates.datetime:
            return real.now(dates.UTC).replace(tzinfo=None) + dates.timedelta(seconds=seconds)

    dates.datetime = Skewed  # type: ignore[misc]
    time.time = lambda: true_time() + seconds


if __name__ == "__main__":
    seconds, module, *words = sys.argv[1:]
    skew(float(seconds))
    sys.argv = [module, *words]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
