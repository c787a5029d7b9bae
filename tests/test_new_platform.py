"""A platform's first files: complete, in order, and not yet done."""

import subprocess
import sys
from pathlib import Path

import pytest

from deploy.new_platform import FILES

ROOT = Path(__file__).parents[1]


def write(name: str, root: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "deploy.new_platform", name, "--root", str(root)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


def test_the_files_are_in_order_and_say_what_comes_next(tmp_path: Path) -> None:
    done = write("myspace", tmp_path)
    assert done.returncode == 0, done.stderr
    written = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.py")}
    assert written == {place.format(name="myspace") for place in FILES}
    assert "tests/platforms -k myspace" in done.stdout
    for act in (["format", "--check"], ["check"]):
        config = ["--config", str(ROOT / "pyproject.toml")]
        ruff = [str(Path(sys.executable).parent / "ruff"), *act, *config, str(tmp_path)]
        found = subprocess.run(ruff, capture_output=True, text=True, check=False)
        assert found.returncode == 0, found.stdout


def test_they_have_the_shape_of_a_platform_and_do_nothing_yet(tmp_path: Path) -> None:
    write("myspace", tmp_path)
    look = (
        "import asyncio, sys; sys.path[:0] = [sys.argv[1]]\n"
        "import shared.platforms as here; here.__path__.insert(0, sys.argv[1] + '/shared/platforms')\n"
        "assert here.specs()['myspace'].name == 'myspace'\n"
        "try: asyncio.run(here.publisher_of('myspace').publish(*[None] * 6))\n"
        "except NotImplementedError: print('nothing yet')\n"
    )
    seen = subprocess.run(
        [sys.executable, "-c", look, str(tmp_path)], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert seen.stdout == "nothing yet\n", seen.stderr


@pytest.mark.parametrize("name", ["", "My Space", "../up", "mastodon"])
def test_a_wrong_name_is_told_and_nothing_is_written(tmp_path: Path, name: str) -> None:
    (tmp_path / "shared/platforms/mastodon").mkdir(parents=True)
    done = write(name, tmp_path)
    assert (done.returncode, "name:" in done.stderr) == (2, True)
    assert not list(tmp_path.rglob("*.py"))
