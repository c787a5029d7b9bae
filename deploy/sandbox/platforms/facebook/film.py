"""What Facebook finds wrong with a film when it processes it."""

from deploy.sandbox.films import Film

LONGEST = 45 * 60
REEL_SECONDS = (3, 90)
REEL_RATE = (23.9, 60.1)


def fault_of(film: Film | None, *, reel: bool) -> str | None:
    """Return what is wrong, None where all is well."""
    if film is None:
        return "The video file could not be read."
    shape = film.width / film.height
    if reel:
        return _fault_of_reel(film, shape)
    if not 0.55 <= shape <= 1.79:
        return "The aspect ratio must be between 9x16 and 16x9."
    return "The video is too long." if film.seconds > LONGEST else None


def _fault_of_reel(film: Film, shape: float) -> str | None:
    if abs(shape - 9 / 16) > 0.01:
        return "The aspect ratio of a reel must be 9x16."
    if film.width < 540 or film.height < 960:
        return "The resolution of a reel must be 540x960 at least."
    if not REEL_RATE[0] <= film.rate <= REEL_RATE[1]:
        return "The frame rate of a reel must be 24 to 60."
    if not REEL_SECONDS[0] <= film.seconds <= REEL_SECONDS[1] + 0.5:
        return "A reel must be 3 to 90 seconds long."
    return None
