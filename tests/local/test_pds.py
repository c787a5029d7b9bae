"""A real Bluesky PDS that the project installs for itself."""

import httpx
import pytest

from deploy.local.pds import PrivatePds

INSTALLATION_SECONDS = 1200


@pytest.mark.contract
@pytest.mark.timeout(INSTALLATION_SECONDS)
async def test_an_account_can_open_a_session(pds: PrivatePds, namespace: str) -> None:
    account = pds.create_account(namespace)
    async with httpx.AsyncClient(base_url=pds.url, trust_env=False) as http:
        login = {"identifier": account.handle, "password": account.password}
        session = await http.post("/xrpc/com.atproto.server.createSession", json=login)
        assert session.status_code == httpx.codes.OK
        assert session.json()["did"] == account.did
        document = await http.get(f"{pds.plc_url}/{account.did}")
        assert document.json()["alsoKnownAs"] == [f"at://{account.handle}"]


@pytest.mark.contract
@pytest.mark.timeout(INSTALLATION_SECONDS)
def test_a_refused_account_says_why(pds: PrivatePds, namespace: str) -> None:
    pds.create_account(namespace)
    with pytest.raises(ValueError, match="Handle already taken"):
        pds.create_account(namespace)
