"""Reading: com.atproto.repo.getRecord and listRecords, app.bsky.feed.getPosts, app.bsky.actor.getProfile."""

from datetime import UTC, datetime
from typing import Any

from deploy.sandbox.platforms.bluesky.errors import invalid, refused
from deploy.sandbox.platforms.bluesky.repo import Record, Repo
from deploy.sandbox.platforms.bluesky.schema import POST
from deploy.sandbox.platforms.bluesky.state import NAME, State
from deploy.sandbox.wire import Answer, Call, json_answer

MOST_POSTS = 25
MOST_RECORDS = 100


class Reads:
    """The handlers that need no session."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def get_record(self, call: Call) -> Answer:
        """Return one record, or 400 RecordNotFound."""
        self._state.count_request(call)
        collection, rkey = (self._state.param(call, name) for name in ("collection", "rkey"))
        repo = self._repo(call)
        record = repo.find(collection, rkey) if repo else None
        wanted = call.params().get("cid", [None])[0]
        if record is None or wanted not in (None, record.cid):
            did = repo.did if repo else self._state.param(call, "repo")
            raise refused("RecordNotFound", f"Could not locate record: at://{did}/{collection}/{rkey}")
        return json_answer({"uri": record.uri, "cid": record.cid, "value": record.value})

    async def list_records(self, call: Call) -> Answer:
        """Return the records of a collection, newest key first."""
        self._state.count_request(call)
        collection, repo = self._state.param(call, "collection"), self._repo(call)
        params = call.params()
        text, cursor = params.get("limit", ["50"])[0], params.get("cursor", [""])[0]
        if not (text.isdecimal() and len(text) < 4) or not 1 <= int(text) <= MOST_RECORDS:
            raise invalid(f"Invalid params: limit must be 1 to {MOST_RECORDS} (got {text})")
        upwards = params.get("reverse", ["false"])[0] == "true"
        held = repo.records.get(collection, {}) if repo else {}
        keys = sorted((key for key in held if not cursor or (key > cursor) is upwards), reverse=not upwards)
        keys = [key for key in keys if key != cursor][: int(text)]
        records = [{"uri": held[key].uri, "cid": held[key].cid, "value": held[key].value} for key in keys]
        return json_answer({"records": records} | ({"cursor": keys[-1]} if keys else {}))

    async def get_posts(self, call: Call) -> Answer:
        """Return up to 25 posts with their counts; those that are gone are left out."""
        self._state.count_request(call)
        params = call.params()
        uris = params.get("uris", []) + params.get("uris[]", [])
        if not uris:
            raise invalid('Invalid app.bsky.feed.getPosts params: Missing required key "uris"')
        if len(uris) > MOST_POSTS:
            raise invalid(
                f"Invalid app.bsky.feed.getPosts params: array too big (maximum {MOST_POSTS}, got {len(uris)})"
            )
        found = [self._find(uri) for uri in dict.fromkeys(uris) if f"/{POST}/" in uri or "/" not in uri[5:]]
        return json_answer({"posts": [self._post(*pair) for pair in found if pair]})

    async def get_profile(self, call: Call) -> Answer:
        """Return an account's profile with its follower count."""
        self._state.count_request(call)
        actor = self._state.param(call, "actor")
        found = self._state.accounts.find(actor.lower())
        if found is None:
            raise invalid("Profile not found")
        posts = len(self._state.repos.of(*found).records.get(POST, {}))
        followers = self._state.world.audience.followers(NAME, found[1])
        counts = {"followersCount": followers, "followsCount": 0, "postsCount": posts}
        return json_answer({**author_of(*found), **counts, "indexedAt": moment(self._state.world.now())})

    def _repo(self, call: Call) -> Repo | None:
        found = self._state.accounts.find(self._state.param(call, "repo"))
        return self._state.repos.of(*found) if found else None

    def _find(self, uri: str) -> tuple[Repo, Record] | None:
        authority, _, rest = uri.removeprefix("at://").partition("/")
        if not uri.startswith("at://") or not rest:
            raise invalid(f'Invalid app.bsky.feed.getPosts params: Invalid AT-URI (got "{uri}")')
        account = self._state.accounts.find(authority)
        return self._state.repos.find(f"at://{account[0]}/{rest}") if account else None

    def _post(self, repo: Repo, record: Record) -> dict[str, Any]:
        felt = self._state.world.audience.reactions(record.uri, self._state.world.now() - record.time)
        return {
            "uri": record.uri,
            "cid": record.cid,
            "author": author_of(repo.did, repo.handle),
            "record": record.value,
            "replyCount": felt.replies,
            "repostCount": felt.reposts,
            "likeCount": felt.likes,
            "quoteCount": felt.quotes,
            "bookmarkCount": felt.bookmarks,
            "indexedAt": moment(record.time),
            "labels": [],
        }


def author_of(did: str, handle: str) -> dict[str, Any]:
    """Return an account as others see it."""
    return {"did": did, "handle": handle, "displayName": handle.split(".")[0], "labels": []}


def moment(time: float) -> str:
    """Return ISO 8601 in UTC with milliseconds."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{int(time * 1000) % 1000:03d}Z"
