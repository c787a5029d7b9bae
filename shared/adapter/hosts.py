"""Where a platform's other hosts are: many have one for signing in, one for uploads, one for all the rest."""


def beside(base_url: str, home: str, other: str) -> str:
    """Return where `other` (`https://host`) is, for an account whose API is at `base_url`; without a slash at the end.

    `home` is where the real platform's API is. Whatever else stands at `base_url` has all of its hosts in one.
    """
    base = base_url.rstrip("/")
    return other if base == home else base
