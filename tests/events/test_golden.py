"""Golden samples: what was sent once can be read for ever."""

import json
from pathlib import Path

import pytest

from deploy.golden import add_missing
from shared.events import BY_TYPE, body_of, decode, headers_of

GOLDEN = Path(__file__).parent / "golden"
SAMPLES = sorted(GOLDEN.glob("*.json"))


def test_every_event_has_a_sample() -> None:
    missing = BY_TYPE.keys() - {path.stem for path in SAMPLES}
    assert not missing, "add them with `python -m deploy.docs golden`"


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem.removeprefix("org.wikimedia.carillon."))
def test_a_sample_reads_and_loses_nothing(path: Path) -> None:
    sample = json.loads(path.read_text())
    envelope = decode(sample["headers"], json.dumps(sample["body"]).encode())
    assert headers_of(envelope) == sample["headers"]
    _assert_within(sample["body"], json.loads(body_of(envelope.event)))


def test_a_sample_is_never_rewritten(tmp_path: Path) -> None:
    assert len(list(add_missing(tmp_path))) == len(BY_TYPE)
    kept = tmp_path / f"{min(BY_TYPE)}.json"
    kept.write_text("as it was")
    assert list(add_missing(tmp_path)) == []
    assert kept.read_text() == "as it was"


def _assert_within(old: object, new: object) -> None:
    """What was said is still said; a later version may say more."""
    if isinstance(old, dict):
        assert isinstance(new, dict)
        for key, value in old.items():
            _assert_within(value, new[key])
    elif isinstance(old, list):
        assert isinstance(new, list)
        assert len(old) == len(new)
        for before, after in zip(old, new, strict=True):
            _assert_within(before, after)
    else:
        assert old == new
