"""Where servers come from: apt's source files, and the addresses of servers that others run."""

from pathlib import Path

import pytest

from deploy.local.apt import Source, sources_in
from deploy.local.foreign import check_reachable
from deploy.local.guarded import ServerUnavailableError
from deploy.local.ports import free_ports

DEB822 = """\
# the mirror
Types: deb
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb-src
URIs: http://mirror.example/sources
Suites: bookworm
Components: main
"""
ONE_LINE = """\
# deb http://old.example/ubuntu focal main
deb [arch=amd64 signed-by=/usr/share/keyrings/ubuntu.gpg] http://mirror.example/ubuntu noble main universe
deb http://mirror.example/ubuntu noble-updates main
deb-src http://mirror.example/ubuntu noble main
"""


def test_both_formats_of_apt_are_read(tmp_path: Path) -> None:
    new, old = tmp_path / "debian.sources", tmp_path / "sources.list"
    new.write_text(DEB822)
    old.write_text(ONE_LINE)
    keys = "/usr/share/keyrings/debian-archive-keyring.gpg"
    assert sources_in(new) == [
        Source("http://mirror.example/debian", suite, "main contrib", keys)
        for suite in ("bookworm", "bookworm-updates")
    ]
    assert sources_in(old) == [
        Source("http://mirror.example/ubuntu", "noble", "main universe", "/usr/share/keyrings/ubuntu.gpg"),
        Source("http://mirror.example/ubuntu", "noble-updates", "main"),
    ]


def test_a_server_that_does_not_answer_is_named_without_its_password() -> None:
    (port,) = free_ports(1)
    with pytest.raises(ServerUnavailableError) as caught:
        check_reachable("AMQP_URL", f"amqp://tower:hush@127.0.0.1:{port}/", {"amqp": 5672})
    assert f"AMQP_URL names 127.0.0.1:{port}" in str(caught.value)
    assert "hush" not in str(caught.value)


def test_an_address_of_another_kind_is_refused() -> None:
    with pytest.raises(ServerUnavailableError, match="DATABASE_URL must begin with postgresql://"):
        check_reachable("DATABASE_URL", "mysql://somewhere/", {"postgresql": 5432})
