"""What a hold can be about: a post has facets, a hold's scope names some of them."""

from collections.abc import Iterator, Mapping

from shared.events import Brief

NAMES = ("brand", "platform", "channel", "campaign", "language", "region")


def facets_of(brief: Brief) -> list[str]:
    """Return a post's facets, such as `platform:x`; a post for several regions has one for each."""
    brand, _, platform = brief.channel.partition("/")
    about = brief.about
    one_each = {"brand": brand, "platform": platform, "channel": brief.channel, "language": brief.language}
    campaign = [f"campaign:{about.campaign}"] if about.campaign else []
    return [f"{name}:{value}" for name, value in one_each.items()] + campaign + [f"region:{r}" for r in about.regions]


def scope_of(scope: Mapping[str, str]) -> list[str]:
    """Return a hold's scope as facets that a post must all have; an empty one covers everything."""
    return [f"{name}:{value}" for name, value in sorted(scope.items())]


def names_of(scope: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the names and values of a stored scope."""
    for facet in scope:
        name, _, value = facet.partition(":")
        yield name, value
