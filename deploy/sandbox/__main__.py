"""`python -m deploy.sandbox`: serve the sandbox."""

import argparse
import gc

import uvicorn

from deploy.sandbox.app import create_app
from deploy.sandbox.settings import Settings


def main() -> None:
    """Serve until told to stop."""
    settings = read_settings()
    app = create_app(settings)
    # What piles up here, a long ledger, is no garbage: looking through it often would only stall answers.
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=2,
    )


def read_settings(argv: list[str] | None = None) -> Settings:
    """Return the settings of the environment, changed by the command line; every field is an option."""
    parser = argparse.ArgumentParser(prog="python -m deploy.sandbox", description=__doc__)
    defaults = Settings()
    for name, field in Settings.model_fields.items():
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            default=argparse.SUPPRESS,
            help=f"{field.description} (now: {getattr(defaults, name)}; or SANDBOX_{name.upper()})",
        )
    return Settings.model_validate({**defaults.model_dump(), **vars(parser.parse_args(argv))})


if __name__ == "__main__":
    main()
