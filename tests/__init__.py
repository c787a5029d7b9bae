"""Tests; they mirror the rooms."""

from shared.settings import Settings

# A test must not depend on what the person at this machine has in `.env`; classes that follow inherit this.
Settings.model_config["env_file"] = None
