"""Sessions, blobs and what the server says about itself: com.atproto.server, com.atproto.identity, uploadBlob."""

from typing import Any

from deploy.sandbox.pictures import examine
from deploy.sandbox.platforms.bluesky.accounts import OPEN_SESAME, SERVER_DID
from deploy.sandbox.platforms.bluesky.cid import blob_cid
from deploy.sandbox.platforms.bluesky.errors import invalid, refused
from deploy.sandbox.platforms.bluesky.state import State
from deploy.sandbox.wire import Answer, Call, json_answer


class Server:
    """The handlers of an account's own server that are not about records."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def create_session(self, call: Call) -> Answer:
        """Log in with a handle (or a known DID) and the password."""
        self._state.count_request(call)
        body = self._state.body(call)
        identifier, password = body.get("identifier"), body.get("password")
        for key, value in (("identifier", identifier), ("password", password)):
            if not isinstance(value, str):
                raise invalid(f'Input must have the property "{key}"')
        for bucket in ("logins_5min", "logins_day"):
            self._state.take(bucket, f"{identifier}-{call.client}")
        found = self._state.accounts.find(str(identifier).lower())
        if found is None or password != OPEN_SESAME:
            raise refused("AuthenticationRequired", "Invalid identifier or password", 401)
        return self._session(call, *found, self._state.accounts.open_session(*found))

    async def refresh_session(self, call: Call) -> Answer:
        """Rotate the refresh token."""
        self._state.count_request(call)
        did, handle, tokens = self._state.accounts.refresh(call)
        return self._session(call, did, handle, tokens)

    async def delete_session(self, call: Call) -> Answer:
        """Revoke the refresh token."""
        self._state.count_request(call)
        self._state.accounts.end_session(call)
        return Answer(200)

    async def get_session(self, call: Call) -> Answer:
        """Say whose the access token is."""
        self._state.count_request(call)
        return self._session(call, *self._state.accounts.caller(call), {})

    async def describe_server(self, call: Call) -> Answer:
        """Describe the server."""
        self._state.count_request(call)
        about = {"did": SERVER_DID, "availableUserDomains": [], "inviteCodeRequired": False, "links": {}, "contact": {}}
        return json_answer(about)

    async def health(self, call: Call) -> Answer:
        """Answer `/xrpc/_health`."""
        return json_answer({"version": "sandbox"})

    async def resolve_handle(self, call: Call) -> Answer:
        """Return the DID of any handle but one under `.invalid`."""
        self._state.count_request(call)
        did = self._state.accounts.did(self._state.param(call, "handle"))
        if did is None:
            raise invalid("Unable to resolve handle")
        return json_answer({"did": did})

    async def upload_blob(self, call: Call) -> Answer:
        """Take a blob; the same bytes give the same CID."""
        self._state.count_request(call)
        did, _ = self._state.accounts.caller(call)
        if not call.body:
            raise invalid("A request body is expected but none was provided")
        if not call.header(b"content-type"):
            raise invalid("Request encoding (Content-Type) required but not provided")
        self._state.take("uploads_day", did)
        file = examine(call.body, call.header(b"content-type"))
        cid = blob_cid(call.body)
        self._state.repos.blobs[cid] = file
        self._state.world.shelf.put(file, call.body)
        return json_answer({"blob": {"$type": "blob", "ref": {"$link": cid}, "mimeType": file.mime, "size": file.size}})

    def _session(self, call: Call, did: str, handle: str, tokens: dict[str, Any]) -> Answer:
        document = {
            "@context": ["https://www.w3.org/ns/did/v1"],
            "id": did,
            "alsoKnownAs": [f"at://{handle}"],
            "verificationMethod": [],
            "service": [
                {"id": "#atproto_pds", "type": "AtprotoPersonalDataServer", "serviceEndpoint": call.base},
            ],
        }
        return json_answer(
            {**tokens, "handle": handle, "did": did, "didDoc": document, "emailConfirmed": True, "active": True}
        )
