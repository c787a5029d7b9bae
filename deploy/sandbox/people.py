"""Who has an account: every name does, with the token `sandbox-<name>` and a number that follows from the name."""

import hashlib
import re
from dataclasses import dataclass

from deploy.sandbox.world import World

NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?")


def number_of(name: str) -> str:
    """Return the platform's own id of an account: 17 digits, the same for the same name."""
    digest = hashlib.sha256(f"carillon/{name.lower()}".encode()).digest()
    return str(10**16 + int.from_bytes(digest[:6], "big") % (9 * 10**16))


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a token endpoint hands out."""

    access_token: str
    refresh_token: str


class People:
    """Whose tokens are whose, on one platform.

    Beside `sandbox-<name>`, which lasts for ever, there are those that were granted: `grant` takes the code
    `code-<name>`, `renew` a refresh token. They end after `seconds`; a refresh token is good once where it `rotates`.
    """

    def __init__(self, world: World, *, seconds: float, rotates: bool) -> None:
        self._world = world
        self._seconds = seconds
        self._rotates = rotates
        self._access: dict[str, tuple[str, float]] = {}
        self._refresh: dict[str, str] = {}
        self._spent: set[str] = set()
        self._names: dict[str, str] = {}
        self._issued = 0

    def owner(self, token: str) -> str | None:
        """Return whose token this is; None for one that is wrong, over or revoked."""
        if token in self._access:
            name, until = self._access[token]
            return name if until > self._world.now() else None
        prefix, _, name = token.partition("-")
        if prefix != "sandbox" or not NAME.fullmatch(name) or token in self._spent:
            return None
        self._names[number_of(name)] = name
        return name

    def named(self, number: str) -> str | None:
        """Return the account of a number that was seen before."""
        return self._names.get(number)

    def grant(self, code: str) -> Tokens | None:
        """Return tokens for the code `code-<name>`; None for one that is wrong or spent."""
        prefix, _, name = code.partition("-")
        if prefix != "code" or not NAME.fullmatch(name) or code in self._spent:
            return None
        self._spent.add(code)
        return self.issue(name)

    def issue(self, name: str) -> Tokens:
        """Return new tokens of an account."""
        self._issued += 1
        self._names[number_of(name)] = name
        tokens = Tokens(f"granted-{name}~{self._issued}", f"refresh-{name}~{self._issued}")
        self._access[tokens.access_token] = (name, self._world.now() + self._seconds)
        self._refresh[tokens.refresh_token] = name
        return tokens

    def renew(self, refresh_token: str) -> Tokens | None:
        """Return new tokens for a refresh token; None for one that is wrong, spent or revoked."""
        name = self._refresh.get(refresh_token)
        if name is None:
            return None
        tokens = self.issue(name)
        if self._rotates:
            del self._refresh[refresh_token]
        else:
            del self._refresh[tokens.refresh_token]
            tokens = Tokens(tokens.access_token, refresh_token)
        return tokens

    def revoke(self, token: str) -> None:
        """Make every token of this token's owner worthless."""
        name = self._refresh.get(token) or self.owner(token)
        if name is None:
            return
        self._spent.add(f"sandbox-{name}")
        self._access = {one: held for one, held in self._access.items() if held[0] != name}
        self._refresh = {one: held for one, held in self._refresh.items() if held != name}

    def forget(self) -> None:
        """Begin anew."""
        for memory in (self._access, self._refresh, self._spent, self._names):
            memory.clear()
