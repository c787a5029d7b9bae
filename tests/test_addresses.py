"""Addresses of media: only ours are good, and only for a time."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from shared.addresses import Addresses, WrongAddressError
from shared.settings import Settings

KEY = b"k" * 32
SHA = "ab" * 32


def parts(address: str) -> tuple[str, str, str]:
    split = urlsplit(address)
    asked = parse_qs(split.query)
    return split.path.rpartition("/")[2], asked["until"][0], asked["signature"][0]


def test_an_address_is_good_for_the_hours_that_were_promised() -> None:
    addresses = Addresses("https://media.example.org/", KEY, 24)
    sha256, until, signature = parts(addresses.address(SHA))
    assert sha256 == SHA
    assert datetime.fromtimestamp(int(until), UTC) - datetime.now(UTC) > timedelta(hours=24)
    addresses.check(sha256, until, signature)


def test_an_address_of_another_medium_time_or_key_is_none_of_ours() -> None:
    addresses = Addresses("https://media.example.org", KEY, 1)
    _, until, signature = parts(addresses.address(SHA))
    for sha256, end, sign in (
        ("cd" * 32, until, signature),
        (SHA, str(int(until) + 3_600), signature),
        (SHA, until, ""),
    ):
        with pytest.raises(WrongAddressError, match="not ours"):
            addresses.check(sha256, end, sign)
    with pytest.raises(WrongAddressError, match="not ours"):
        Addresses("https://media.example.org", b"x" * 32, 1).check(SHA, until, signature)


def test_an_address_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = Addresses("https://media.example.org", KEY, 1)
    made = parts(addresses.address(SHA))
    monkeypatch.setattr("shared.addresses.time.time", lambda: float(made[1]) + 1)
    with pytest.raises(WrongAddressError, match="ended"):
        addresses.check(*made)


@given(st.text(), st.text())
def test_whatever_is_asked_is_answered_in_order(until: str, signature: str) -> None:
    with pytest.raises(WrongAddressError):
        Addresses("https://media.example.org", KEY, 1).check(SHA, until, signature)


def test_settings_say_it_whole_or_not_at_all() -> None:
    settings = Settings(_env_file=None, media_public_url="https://media.example.org")
    assert Addresses.of(settings) is None
    assert Addresses.of(settings.model_copy(update={"media_key": SecretStr("k" * 32)}))
    with pytest.raises(ValueError, match="at least 32"):
        Addresses.of(settings.model_copy(update={"media_key": SecretStr("short")}))
