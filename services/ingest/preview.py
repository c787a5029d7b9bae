"""What a request would become, without asking for it."""

from shared.model import Travelling
from shared.payload import Payload


class PostPreview(Travelling):
    """What one channel would say."""

    channel: str
    language: str
    payload: Payload | None
    """None while media would still have to be fetched and fitted."""


class Preview(Travelling):
    """A post for each target."""

    posts: tuple[PostPreview, ...]
