"""A stand-in for the platforms: it speaks their real HTTP shapes and keeps a ledger of what was posted.

`python -m deploy.sandbox --port 8090` runs it; `create_app(Settings())` gives the same application to whoever serves it
in a process of their own. It shares no code with the platform adapters, so that it can judge them.
"""

from deploy.sandbox.app import create_app
from deploy.sandbox.settings import Settings

__all__ = ["Settings", "create_app"]
