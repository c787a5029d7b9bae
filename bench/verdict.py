"""What a spread allows to say about a limit that may not be passed."""

from collections.abc import Sequence

from bench.measure import Spread


def percentile(figures: Sequence[float], share: float) -> float:
    """Return the figure that so many per cent do not exceed."""
    ranked = sorted(figures)
    return ranked[min(len(ranked) - 1, int(share / 100 * len(ranked)))]


def at_most(limit: float, spread: Spread) -> str:
    """Say whether every round kept the limit, none did, or the rounds do not agree."""
    if max(spread.figures) <= limit:
        return "met"
    return "not met" if min(spread.figures) > limit else "not shown"


def at_least(limit: float, spread: Spread) -> str:
    """Say the same of a limit that must be reached."""
    if min(spread.figures) >= limit:
        return "met"
    return "not met" if max(spread.figures) < limit else "not shown"
