"""The one world in which all stand-ins live: a clock, a ledger, limits, faults and an audience."""

import time

from deploy.sandbox.audience import Audience
from deploy.sandbox.faults import Faults
from deploy.sandbox.ledger import Ledger
from deploy.sandbox.pictures import Shelf
from deploy.sandbox.quotas import Quotas
from deploy.sandbox.settings import Settings
from deploy.sandbox.traffic import Traffic
from deploy.sandbox.voices import Voices


class World:
    """What the platforms share; its clock can be set ahead, so that nobody has to wait for an hour to pass."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.ahead = 0.0
        self.ledger = Ledger()
        self.traffic = Traffic(settings.requests_kept)
        self.faults = Faults()
        self.audience = Audience()
        self.voices = Voices()
        self.shelf = Shelf(settings.media_bytes_kept)
        self.quotas = Quotas(self.now)
        self.mastodon_characters = settings.mastodon_characters

    def now(self) -> float:
        """Return the sandbox's time in epoch seconds."""
        return time.time() + self.ahead
