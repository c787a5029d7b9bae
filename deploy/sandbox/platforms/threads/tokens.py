"""Being let in: a code is worth a token of an hour, that one of sixty days, and that one another, once a day old."""

from deploy.sandbox.params import Params, read_params, text
from deploy.sandbox.people import People, number_of
from deploy.sandbox.platforms.threads.errors import invalid, wrong_token
from deploy.sandbox.wire import Answer, Call, json_answer
from deploy.sandbox.world import World

SHORT = 3_600
LONG = 5_183_944
LEAST_AGE = 86_400


class Tokens:
    """Whose tokens are whose, and the endpoints that hand them out; they stand at the host's root."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._people = People(world, seconds=SHORT, rotates=False)
        self._long: dict[str, tuple[str, float]] = {}

    def owner(self, token: str) -> str | None:
        """Return whose token this is; None for one that is wrong or over."""
        if token in self._long:
            name, made = self._long[token]
            return name if self._world.now() < made + LONG else None
        return self._people.owner(token)

    async def exchange(self, call: Call) -> Answer:
        """Give a token of an hour for a code; a code is good once."""
        params = await read_params(call)
        for name in ("client_id", "client_secret", "redirect_uri"):
            if not text(params, name):
                return _no(f"Missing required parameter {name}")
        code = text(params, "code")
        granted = self._people.grant(code) if text(params, "grant_type") == "authorization_code" else None
        if granted is None:
            return _no("Matching code was not found or was already used")
        return json_answer({"access_token": granted.access_token, "user_id": int(number_of(code.partition("-")[2]))})

    async def lengthen(self, call: Call) -> Answer:
        """Give a token of sixty days for one of an hour."""
        params = await read_params(call)
        if text(params, "grant_type") != "th_exchange_token" or not text(params, "client_secret"):
            raise invalid("grant_type must be th_exchange_token, with a client_secret")
        return self._issued(self._named(params))

    async def refresh(self, call: Call) -> Answer:
        """Give a token of sixty days for another one that is a day old."""
        params = await read_params(call)
        if text(params, "grant_type") != "th_refresh_token":
            raise invalid("grant_type must be th_refresh_token")
        name = self._named(params)
        _, made = self._long.get(text(params, "access_token"), (name, 0.0))
        if self._world.now() < made + LEAST_AGE:
            raise invalid("The token must be at least 24 hours old")
        return self._issued(name)

    def clear(self) -> None:
        """Begin anew."""
        self._people.forget()
        self._long.clear()

    def _named(self, params: Params) -> str:
        name = self.owner(text(params, "access_token"))
        if name is None:
            raise wrong_token()
        return name

    def _issued(self, name: str) -> Answer:
        token = f"long-{name}~{len(self._long) + 1}"
        self._long[token] = (name, self._world.now())
        return json_answer({"access_token": token, "token_type": "bearer", "expires_in": LONG})


def _no(message: str) -> Answer:
    return json_answer({"error_type": "OAuthException", "code": 400, "error_message": message}, 400)
