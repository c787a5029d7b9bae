"""The accounts file: read again when it changes, kept when it becomes wrong, never quoted."""

import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from shared.accounts import Accounts
from shared.adapter.errors import Unauthorized
from shared.channels import load

REGISTRY = load(Path("config"))
CHANNEL = "wikipedia/x"
FIRST = f"{CHANNEL}: {{access_token: hush-1, id: '17', version: '2'}}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "accounts.yaml"
    file.write_text(FIRST)
    return file


@pytest.fixture
def accounts(file: Path) -> Accounts:
    return Accounts(file, lambda: REGISTRY)


def write(file: Path, content: bytes) -> None:
    """Replace the file; its time of change moves on even where the clock is coarse."""
    changed = file.stat().st_mtime_ns + 1_000_000
    file.write_bytes(content)
    os.utime(file, ns=(changed, changed))


def test_an_account_is_what_the_registry_and_the_file_say(accounts: Accounts) -> None:
    account = accounts.of(CHANNEL)
    assert (account.channel, account.handle) == (CHANNEL, "wikipedia")
    assert (account.secrets, account.id, account.version) == ({"access_token": "hush-1"}, "17", "2")
    assert account.base_url == REGISTRY.channels[CHANNEL].base_url
    assert "hush" not in repr(account)


def test_a_changed_file_holds_from_the_next_call_on(accounts: Accounts, file: Path) -> None:
    assert accounts.of(CHANNEL).secrets["access_token"] == "hush-1"
    write(file, FIRST.replace("hush-1", "hush-2").encode())
    assert accounts.of(CHANNEL).secrets["access_token"] == "hush-2"


@pytest.mark.parametrize(
    "wrong",
    [b"wikipedia/x: {acess_token: hush-3}", b"wikipedia/x: {hush-3", b"- hush-3", b"\x00hush-3", b"hush-3: \xff"],
)
def test_a_wrong_file_leaves_the_last_good_one_and_is_not_quoted(accounts: Accounts, file: Path, wrong: bytes) -> None:
    accounts.of(CHANNEL)
    write(file, wrong)
    with capture_logs() as logs:
        assert [accounts.of(CHANNEL).secrets["access_token"] for _ in range(2)] == ["hush-1", "hush-1"]
    assert [entry["event"] for entry in logs] == ["the accounts file cannot be used; the last good one stays"]
    assert "hush" not in str(logs)


def test_a_file_that_goes_away_leaves_the_last_good_one(accounts: Accounts, file: Path) -> None:
    accounts.of(CHANNEL)
    file.unlink()
    assert accounts.of(CHANNEL).secrets["access_token"] == "hush-1"


def test_who_is_not_in_the_file_has_no_account_but_can_be_asked_about(accounts: Accounts) -> None:
    with pytest.raises(Unauthorized, match="ACCOUNTS_FILE"):
        accounts.of("wikipedia/bluesky")
    account = accounts.open("wikipedia/bluesky")
    assert account is not None
    assert (account.handle, account.secrets) == ("wikipedia.org", {})


def test_who_is_not_in_the_registry_is_nobody(accounts: Accounts) -> None:
    assert accounts.open("nobody/x") is None
    with pytest.raises(Unauthorized):
        accounts.of("nobody/x")
