"""What metrics answers: measurements of posts, sums, channels and who follows them, what others say."""

from fastapi import FastAPI

from services.metrics.api import channels, heard, posts
from shared.channels import RegistryFile
from shared.http import dead_letters
from shared.http.app import service_app
from shared.process import Runtime


def make_app(runtime: Runtime) -> FastAPI:
    """Return metrics' API."""
    app = service_app("Carillon metrics", "metrics", runtime.settings)
    registry = RegistryFile(runtime.settings.config_dir)
    posts.add_to(app, runtime.sessions)
    channels.add_to(app, runtime.sessions, registry)
    heard.add_to(app, runtime.sessions, registry)
    dead_letters.add_to(app, runtime.engine)
    return app
