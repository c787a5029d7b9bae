"""Keys that come and go, boxes for one reader, and what they refuse."""

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from services.metrics.settings import MetricsSettings
from services.metrics.tokens import Tokens
from services.publisher.grants import about, read, written
from services.publisher.refreshed import Later, Renewed
from services.publisher.seal import Keys, SealError, receiver_of
from services.publisher.settings import PublisherSettings
from shared import box
from shared.adapter.contract import Grant
from shared.adapter.errors import Unauthorized
from shared.settings import WrongSettingError
from tests.accounts.house import CHANNELS, House

X, TIKTOK = CHANNELS["x"], CHANNELS["tiktok"]
OLD, NEW = os.urandom(32), os.urandom(32)


def test_what_is_sealed_opens_with_its_key_and_about_what_it_was_sealed() -> None:
    keys = Keys([OLD])
    sealed = keys.seal(b"hush", "account a/x")
    assert keys.open(sealed.bytes, "account a/x") == b"hush"
    assert b"hush" not in sealed.bytes
    assert keys.seal(b"hush", "account a/x").bytes != sealed.bytes
    with pytest.raises(SealError, match="damaged"):
        keys.open(sealed.bytes, "account b/x")
    with pytest.raises(SealError, match="damaged"):
        keys.open(sealed.bytes[:-1] + bytes([sealed.bytes[-1] ^ 1]), "account a/x")
    with pytest.raises(SealError, match=f"of the key {sealed.key_id}, which ACCOUNT_KEYS lacks"):
        Keys([NEW]).open(sealed.bytes, "account a/x")
    with pytest.raises(SealError, match="ACCOUNT_KEYS is not set"):
        Keys([]).seal(b"hush", "account a/x")


@pytest.mark.parametrize("size", [0, 1, 8, 21, 30])
def test_what_is_no_seal_is_refused(size: int) -> None:
    keys = Keys([OLD])
    for start in (b"", keys.seal(b"", "x").bytes):
        with pytest.raises(SealError):
            keys.open((start + bytes(size))[:size], "x")


def test_the_first_key_seals_and_all_open() -> None:
    old, both = Keys([OLD]), Keys([NEW, OLD])
    assert both.open(old.seal(b"hush", "x").bytes, "x") == b"hush"
    assert both.seal(b"hush", "x").key_id == both.newest == Keys([NEW]).newest != old.newest


def test_keys_come_from_the_environment_or_a_file(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"{NEW.hex()}\n{OLD.hex()}\n")
    by_file = PublisherSettings(_env_file=None, account_keys_file=file)
    by_name = PublisherSettings(_env_file=None, account_keys=SecretStr(f"{OLD.hex()}, {NEW.hex()}"))
    assert Keys.of(by_file).newest == Keys([NEW]).newest
    assert Keys.of(by_name).newest == Keys([OLD]).newest
    assert NEW.hex() not in repr(by_name)
    assert Keys.of(PublisherSettings(_env_file=None)).newest is None


@pytest.mark.parametrize("wrong", ["hush-hush", "ab" * 31, "ab" * 32 + ",hush"])
def test_a_wrong_key_is_told_and_not_repeated(wrong: str, tmp_path: Path) -> None:
    with pytest.raises(WrongSettingError, match="ACCOUNT_KEYS: give 64 hexadecimal digits") as told:
        Keys.of(PublisherSettings(_env_file=None, account_keys=SecretStr(wrong)))
    assert wrong not in str(told.value)
    with pytest.raises(WrongSettingError, match="ACCOUNT_KEYS_FILE: its file cannot be read"):
        Keys.of(PublisherSettings(_env_file=None, account_keys_file=tmp_path / "none"))
    with pytest.raises(WrongSettingError, match="METRICS_PUBLIC_KEY: give"):
        receiver_of(PublisherSettings(_env_file=None, metrics_public_key=wrong))


def test_a_box_opens_for_its_receiver_and_its_subject_only() -> None:
    private, public = box.new_pair()
    closed = box.close("hush", box.public_key(public), "a/x")
    assert closed != box.close("hush", box.public_key(public), "a/x")
    assert box.open_box(closed, box.private_key(private), "a/x") == "hush"
    for key, subject in ((private, "b/x"), (box.new_pair()[0], "a/x")):
        with pytest.raises(box.BoxError):
            box.open_box(closed, box.private_key(key), subject)
    for damaged in ("", "no base64!", closed[:-8], "A" * 64):
        with pytest.raises(box.BoxError):
            box.open_box(damaged, box.private_key(private), "a/x")


async def test_a_new_key_takes_over_and_the_old_one_can_go(house: House) -> None:
    await house.connect(X)
    await house.connect(TIKTOK)
    await house.grow_old(X)
    assert [type(one) for one in await house.look()] == [Renewed]  # so there is one before it as well
    before = await house.grant(X)
    newest = os.urandom(32)
    old = house.settings.account_keys
    assert old
    both = Keys([newest, bytes.fromhex(old.get_secret_value())])
    await asyncio.gather(house.watch(both), house.watch(both))
    assert {row.key_id for row in await house.rows("SELECT key_id FROM account")} == {both.newest}
    only = Keys([newest])
    row = await house.row(X)
    assert read(only.open(row.sealed, about(X))) == before
    assert only.open(row.previous, about(X))
    assert (await house.accounts_with(only).of(X)).secrets == {"access_token": before.access_token}
    assert row.version == 2


async def test_a_wrong_key_locks_out_and_revokes_nobody(house: House) -> None:
    await house.connect(X)
    await house.grow_old(X)
    wrong = Keys([bytes.fromhex(token_hex(32))])
    with pytest.raises(Unauthorized, match="which ACCOUNT_KEYS lacks"):
        await house.accounts_with(wrong).of(X)
    with capture_logs() as logs:
        (outcome,) = await house.look(house.refresh(wrong))
        await house.watch(wrong)
    assert isinstance(outcome, Later)
    assert [one["event"] for one in logs if one["log_level"] == "error"] == [
        "an account cannot be looked after",
        "an account cannot be sealed anew",
    ]
    row = await house.row(X)
    assert (row.state, row.sealed is None) == ("connected", False)
    await house.set(X, "due_at = now()")
    assert [type(one) for one in await house.look()] == [Renewed]


async def test_a_grant_that_was_moved_to_another_channel_opens_nothing(house: House) -> None:
    await house.connect(X)
    await house.connect(TIKTOK)
    await house.rows("UPDATE account SET sealed = (SELECT sealed FROM account WHERE channel = :x)", x=X)
    await house.accounts.of(X)
    with pytest.raises(Unauthorized, match="sealed about something else"):
        await house.accounts.of(TIKTOK)


async def test_metrics_opens_only_what_is_newest_and_good(house: House) -> None:
    await house.connect(X)
    await house.grow_old(X)
    await house.look()
    for one in reversed(await house.said()):
        await house.hear(one)  # the older one comes last
    token = await house.tokens.token_of(X)
    assert token
    assert token.access == (await house.grant(X)).access_token
    other = Tokens.of(house.reading, MetricsSettings(_env_file=None, metrics_private_key=SecretStr(box.new_pair()[0])))
    with capture_logs() as logs:
        assert await other.token_of(X) is None
    assert [one["event"] for one in logs] == ["a token cannot be opened"]
    assert await Tokens.of(house.reading, MetricsSettings(_env_file=None)).token_of(X) is None


def test_a_grant_comes_back_as_it_was_written() -> None:
    now = datetime.now(UTC)
    grant = Grant("access", now, "refresh", None, frozenset({"b", "a"}), "17")
    assert read(written(grant)) == grant
