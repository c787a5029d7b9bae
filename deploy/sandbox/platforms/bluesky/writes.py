"""Writing records: com.atproto.repo.createRecord, putRecord, applyWrites and deleteRecord."""

from typing import Any

from deploy.sandbox.platforms.bluesky.errors import invalid, refused
from deploy.sandbox.platforms.bluesky.publicity import uri_of
from deploy.sandbox.platforms.bluesky.repo import Repo, Write, check_key
from deploy.sandbox.platforms.bluesky.schema import REPOST
from deploy.sandbox.platforms.bluesky.state import State
from deploy.sandbox.wire import Answer, Call, json_answer

POINTS = {"create": 3, "update": 2, "delete": 1}
MOST_WRITES = 200
WRITES = "com.atproto.repo.applyWrites"


class Writes:
    """The handlers that change a repository."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def create_record(self, call: Call) -> Answer:
        """Add a record; a record key in use is a 500, as on the reference server."""
        body, repo = self._open(call)
        need(body, "record", dict)
        self._spend(repo, POINTS["create"])
        rkey = body.get("rkey")
        write = self._state.repos.prepare("create", body, need(body, "rkey", str) if rkey is not None else None)
        commit = self._commit(call, repo, [*_replaced(repo, write), write], body)
        return _stored(repo, write, commit)

    async def put_record(self, call: Call) -> Answer:
        """Write a record at a key; the same content again changes nothing and names no commit."""
        body, repo = self._open(call)
        need(body, "record", dict)
        rkey = need(body, "rkey", str)
        self._spend(repo, POINTS["update"])
        current = repo.find(body["collection"], rkey)
        write = self._state.repos.prepare("update" if current else "create", body, rkey)
        if current and current.cid == write.cid:
            return _stored(repo, write, None)
        if "swapRecord" in body:
            write.swap = body["swapRecord"]
        return _stored(repo, write, self._commit(call, repo, [write], body))

    async def delete_record(self, call: Call) -> Answer:
        """Remove a record; one that is not there is no error."""
        body, repo = self._open(call)
        rkey = need(body, "rkey", str)
        check_key(body["collection"], rkey)
        self._spend(repo, POINTS["delete"])
        current = repo.find(body["collection"], rkey)
        write = Write("delete", body["collection"], rkey, swap=body.get("swapRecord", ...))
        if current is None:
            return json_answer({})
        return json_answer({"commit": self._commit(call, repo, [write], body)})

    async def apply_writes(self, call: Call) -> Answer:
        """Do up to 200 writes, all or none."""
        body, repo = self._open(call, collection=False)
        asked = need(body, "writes", list)
        if len(asked) > MOST_WRITES:
            raise invalid(f"Too many writes. Max: {MOST_WRITES}")
        writes = [self._one(item, body) for item in asked]
        self._spend(repo, sum(POINTS[write.action] for write in writes))
        commit = self._commit(call, repo, writes, body)
        return json_answer({"commit": commit, "results": [_result(repo, write) for write in writes]})

    def _one(self, item: Any, body: dict[str, Any]) -> Write:
        if not isinstance(item, dict):
            raise invalid("Input/writes must be an array of objects")
        action = str(item.get("$type", "")).removeprefix(f"{WRITES}#")
        need(item, "collection", str)
        if action == "delete":
            rkey = need(item, "rkey", str)
            check_key(item["collection"], rkey)
            return Write("delete", item["collection"], rkey)
        if action not in ("create", "update"):
            raise invalid(f"Action not supported: {item.get('$type')}")
        rkey = need(item, "rkey", str) if action == "update" or item.get("rkey") is not None else None
        fields = {
            "collection": item["collection"],
            "record": need(item, "value", dict),
            "validate": body.get("validate"),
        }
        return self._state.repos.prepare("create" if action == "create" else "update", fields, rkey)

    def _open(self, call: Call, *, collection: bool = True) -> tuple[dict[str, Any], Repo]:
        self._state.count_request(call)
        did, handle = self._state.accounts.caller(call)
        body = self._state.body(call)
        named = self._state.accounts.find(need(body, "repo", str))
        if named is None:
            raise invalid(f"Could not find repo: {body['repo']}")
        if named[0] != did:
            raise refused("AuthenticationRequired", "Authentication Required", 401)
        if collection:
            need(body, "collection", str)
        for key in ("swapCommit", "swapRecord"):
            if not isinstance(body.get(key), str | None):
                raise invalid(f"Expected string value type at $.{key}")
        return body, self._state.repos.of(did, handle)

    def _spend(self, repo: Repo, points: int) -> None:
        for bucket in ("points_hour", "points_day"):
            self._state.take(bucket, repo.did, points)

    def _commit(self, call: Call, repo: Repo, writes: list[Write], body: dict[str, Any]) -> dict[str, str]:
        commit = self._state.repos.commit(repo, writes, body.get("swapCommit"))
        call.published = sum(write.action != "delete" for write in writes)
        return commit


def need(body: dict[str, Any], key: str, kind: type) -> Any:
    """Return a required property of the body."""
    if key not in body:
        raise invalid(f'Input must have the property "{key}"')
    if not isinstance(body[key], kind):
        raise invalid(f"Input/{key} must be a {kind.__name__}")
    return body[key]


def _replaced(repo: Repo, write: Write) -> list[Write]:
    """Return the deletion of an earlier repost of the same post."""
    if write.collection != REPOST or write.status is None:
        return []
    subject = uri_of(write.value["subject"])
    earlier = repo.records.get(REPOST, {})
    return [Write("delete", REPOST, key) for key, old in earlier.items() if uri_of(old.value.get("subject")) == subject]


def _stored(repo: Repo, write: Write, commit: dict[str, str] | None) -> Answer:
    shown: dict[str, Any] = {"uri": f"at://{repo.did}/{write.collection}/{write.rkey}", "cid": write.cid}
    if commit:
        shown["commit"] = commit
    if write.status:
        shown["validationStatus"] = write.status
    return json_answer(shown)


def _result(repo: Repo, write: Write) -> dict[str, Any]:
    kind = {"$type": f"{WRITES}#{write.action}Result"}
    if write.action == "delete":
        return kind
    shown = {**kind, "uri": f"at://{repo.did}/{write.collection}/{write.rkey}", "cid": write.cid}
    return {**shown, "validationStatus": write.status} if write.status else shown
