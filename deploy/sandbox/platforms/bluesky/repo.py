"""Repositories: the records of each account, changed in whole commits or not at all."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from deploy.sandbox.ledger import Post
from deploy.sandbox.pictures import File
from deploy.sandbox.platforms.bluesky.cid import UnencodableError, commit_cid, record_cid
from deploy.sandbox.platforms.bluesky.errors import broken, invalid, refused
from deploy.sandbox.platforms.bluesky.schema import POST, REPOST, check_record
from deploy.sandbox.platforms.bluesky.tid import TidClock, is_tid

NSID = re.compile(r"[a-zA-Z]([a-zA-Z0-9-]{0,62})?(\.[a-zA-Z0-9]([a-zA-Z0-9-]{0,62})?)+\.[a-zA-Z][a-zA-Z0-9]{0,62}")
RKEY = re.compile(r"(?!\.{1,2}$)[a-zA-Z0-9_~.:-]{1,512}")


@dataclass(slots=True)
class Record:
    """One stored record."""

    uri: str
    cid: str
    value: dict[str, Any]
    time: float
    post: Post | None = None


@dataclass(slots=True)
class Repo:
    """One account's records by collection and key, and its newest commit."""

    did: str
    handle: str
    records: dict[str, dict[str, Record]] = field(default_factory=dict)
    head: str = ""
    rev: str = ""

    def find(self, collection: str, rkey: str) -> Record | None:
        """Return a record, None where there is none."""
        return self.records.get(collection, {}).get(rkey)


@dataclass(slots=True)
class Write:
    """One prepared change; `swap` is the CID that must be there, None nothing, and `...` anything."""

    action: Literal["create", "update", "delete"]
    collection: str
    rkey: str
    value: dict[str, Any] = field(default_factory=dict)
    cid: str = ""
    status: str | None = None
    swap: Any = ...


class Repos:
    """All repositories; `announce` and `withdraw` are told of every record that comes, changes and goes."""

    def __init__(
        self,
        now: Callable[[], float],
        announce: Callable[[Repo, str, Record], None],
        withdraw: Callable[[Record], None],
    ) -> None:
        self.blobs: dict[str, File] = {}
        self.tids = TidClock()
        self._now = now
        self._announce = announce
        self._withdraw = withdraw
        self._all: dict[str, Repo] = {}

    def of(self, did: str, handle: str) -> Repo:
        """Return the repository of an account, empty at first."""
        return self._all.get(did) or self._all.setdefault(did, Repo(did, handle))

    def find(self, uri: str) -> tuple[Repo, Record] | None:
        """Return the record at an AT-URI that names a DID, with its repository."""
        parts = uri.removeprefix("at://").split("/")
        repo = self._all.get(parts[0]) if len(parts) == 3 else None
        record = repo.find(parts[1], parts[2]) if repo else None
        return (repo, record) if repo and record else None

    def prepare(self, action: Literal["create", "update"], fields: dict[str, Any], rkey: str | None) -> Write:
        """Check a record and give it its key and CID; raises an XRPC error."""
        collection, value = fields["collection"], fields["record"]
        value = value if "$type" in value else {**value, "$type": collection}
        if value["$type"] != collection:
            raise invalid(f"Invalid $type: expected {collection}, got {value['$type']}")
        key = self.tids.next(self._now()) if rkey is None else rkey
        check_key(collection, key)
        status = None if fields.get("validate") is False else check_record(collection, value)
        if status == "unknown" and fields.get("validate") is True:
            raise invalid(f"Unknown lexicon type: {collection}")
        try:
            return Write(action, collection, key, value, record_cid(value), status)
        except UnencodableError as error:
            raise invalid(str(error)) from error

    def commit(self, repo: Repo, writes: list[Write], swap_commit: str | None) -> dict[str, str]:
        """Do all writes, or none; return the commit. Raises InvalidSwap, BlobNotFound, or 500 for a key in use."""
        if swap_commit is not None and swap_commit != repo.head:
            raise refused("InvalidSwap", f"Commit was at {repo.head or 'null'}")
        self._check(repo, writes)
        for write in writes:
            self._do(repo, write)
        repo.rev = self.tids.next(self._now())
        repo.head = commit_cid(f"{repo.did} {repo.rev} {repo.head}")
        return {"cid": repo.head, "rev": repo.rev}

    def forget(self) -> None:
        """Empty every repository."""
        self._all.clear()
        self.blobs.clear()

    def _check(self, repo: Repo, writes: list[Write]) -> None:
        ahead: dict[tuple[str, str], str | None] = {}
        for write in writes:
            place = (write.collection, write.rkey)
            stored = repo.find(*place)
            current = ahead.get(place, stored.cid if stored else None)
            if write.swap is not ... and write.swap != current:
                raise refused("InvalidSwap", f"Record was at {current or 'null'}")
            if (write.action == "create") is (current is not None):
                raise broken()
            self._check_blobs(write)
            ahead[place] = None if write.action == "delete" else write.cid

    def _check_blobs(self, write: Write) -> None:
        for blob in blobs_in(write.value):
            file = self.blobs.get(blob["ref"]["$link"])
            if file is None:
                raise refused("BlobNotFound", f"Could not find blob: {blob['ref']['$link']}")
            for key, name, held in (("mimeType", "Mimetype", file.mime), ("size", "Size", file.size)):
                if (said := blob.get(key)) != held:
                    text = f"Referenced {name} does not match stored blob. Expected: {held}, Got: {said}"
                    raise refused("InvalidMimeType" if key == "mimeType" else "InvalidSize", text)

    def _do(self, repo: Repo, write: Write) -> None:
        shelf = repo.records.setdefault(write.collection, {})
        old = shelf.pop(write.rkey, None) if write.action != "update" else shelf.get(write.rkey)
        if write.action == "delete":
            if old:
                self._withdraw(old)
            return
        uri = f"at://{repo.did}/{write.collection}/{write.rkey}"
        record = Record(uri, write.cid, write.value, old.time if old else self._now(), old.post if old else None)
        shelf[write.rkey] = record
        if write.collection in (POST, REPOST):
            self._announce(repo, write.rkey, record)


def check_key(collection: str, rkey: str) -> None:
    """Refuse names that can't be a collection or a record key."""
    if not NSID.fullmatch(collection):
        raise invalid(f"Invalid NSID: {collection}")
    if not RKEY.fullmatch(rkey):
        raise invalid(f"Invalid record key: {rkey}")
    if collection in (POST, REPOST) and not is_tid(rkey):
        raise invalid(f'Invalid record key for {collection}: Invalid TID string (got "{rkey}") at $')


def blobs_in(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every blob reference within a JSON value."""
    if isinstance(value, dict):
        ref = value.get("ref")
        if value.get("$type") == "blob" and isinstance(ref, dict) and isinstance(ref.get("$link"), str):
            yield value
        else:
            for inner in value.values():
                yield from blobs_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from blobs_in(inner)
