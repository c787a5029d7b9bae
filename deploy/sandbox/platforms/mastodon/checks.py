"""What a status may say: text, warning and poll, checked as a server of version 4.7.3 does it."""

from deploy.sandbox.graphemes import graphemes
from deploy.sandbox.params import Params, text, texts
from deploy.sandbox.platforms.mastodon import limits
from deploy.sandbox.platforms.mastodon.errors import unprocessable
from deploy.sandbox.platforms.mastodon.state import Upload


def check_text(params: Params, media: list[Upload]) -> tuple[str, str]:
    """Return text and warning of a status; a lone warning is the text. Raises 422 for too long and blank."""
    words, spoiler = text(params, "status"), text(params, "spoiler_text")
    if not words.strip() and spoiler:
        words, spoiler = spoiler, ""
    if not words.strip() and not media:
        raise unprocessable("Validation failed: Text can't be blank")
    if limits.too_long(spoiler, words):
        raise unprocessable(f"Validation failed: Text character limit of {limits.MAX_CHARACTERS} exceeded")
    return words, spoiler


def check_poll(asked: Params) -> list[str]:
    """Return the options of a poll; raises 422 for what a server would not take."""
    options, seconds = texts(asked, "options"), text(asked, "expires_in")
    faults = []
    if len(options) < 2:
        faults.append("Options must be more than one item")
    if len(options) > limits.MAX_OPTIONS:
        faults.append(f"Options can't contain more than {limits.MAX_OPTIONS} items")
    if any(graphemes(option) > limits.MAX_OPTION_CHARACTERS for option in options):
        faults.append(f"Options can't be longer than {limits.MAX_OPTION_CHARACTERS} characters each")
    if len(set(options)) < len(options):
        faults.append("Options contain duplicate items")
    shortest, longest = limits.POLL_SECONDS
    if not (seconds.isdecimal() and len(seconds) < 10) or int(seconds) < shortest:
        faults.append("Expires at is too soon")
    elif int(seconds) > longest:
        faults.append("Expires at is too far into the future")
    if faults:
        raise unprocessable(f"Validation failed: {', '.join(faults)}")
    return options
