"""What a content costs before it is sent: one text against every platform's limits, one photograph in every form.

Both are asked of one core, so CPU seconds count, not the clock. `python -m bench.content [rounds]`.
"""

import json
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from bench.measure import ROUNDS, Spread, cpu_seconds
from bench.verdict import at_most
from shared.adapter.images import fit
from shared.adapter.limits import limits_broken
from shared.content import Content
from shared.platforms import specs

TEXTS = (
    "In 1999, Eileen Collins became the first woman to command a Space Shuttle. https://en.wikipedia.org/wiki/STS-93",
    "Você sabia? A Wikipédia tem mais de um milhão de artigos em português. #Wikipédia https://pt.wikipedia.org/",
    "知っていましたか？ウィキペディアは誰でも編集できます。👩‍🚀🚀 https://ja.wikipedia.org/ @wikipedia.org",
    "Γνωρίζατε ότι η Βικιπαίδεια γράφεται από εθελοντές; 🇬🇷 Πείτε μας ποιο άρθρο σας άρεσε περισσότερο φέτος.",
)
TIMES = 500
PER_SECOND, SECONDS, MEMORY = 2_000.0, 0.3, 200.0
SIDES = (4_000, 3_000)


def main() -> None:
    """Print both."""
    if sys.argv[1:2] == ["fit"]:
        _fit(Path(sys.argv[2]), sys.argv[3])
        return
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    _count(rounds)
    _photograph(rounds)


def _count(rounds: int) -> None:
    every = list(specs().values())
    used = []
    for number in range(-1, rounds):
        # Each text comes once: what is remembered of it helps its other platforms, and no later round.
        contents = [Content(text=f"{number} {again} {text}") for again in range(TIMES) for text in TEXTS]
        began = cpu_seconds()
        for content in contents:
            for spec in every:
                limits_broken(content, "bench/x", spec)
        if number >= 0:
            used.append((cpu_seconds() - began) * 1_000 / len(contents))
    spread = Spread(tuple(used))
    print(f"one text counted and checked against all {len(every)} platforms")
    print(f"  {spread.text(3)} ms of CPU, {1_000 / spread.median:,.0f} a second on one core")
    print(f"  target    ≥ {PER_SECOND:,.0f} a second on one core: {at_most(1_000 / PER_SECOND, spread)}\n")


def _photograph(rounds: int) -> None:
    """Fit in a process of its own for each platform: only so its memory is known."""
    print(f"a photograph of {SIDES[0]} × {SIDES[1]} in the form of each platform")
    with TemporaryDirectory() as folder:
        original = Path(folder) / "original.jpg"
        original.write_bytes(_made())
        for name, spec in specs().items():
            if spec.images is None:
                continue
            told = [_apart(original, name) for _ in range(rounds)]
            cpu, memory = Spread(tuple(one["cpu"] for one in told)), Spread(tuple(one["memory"] for one in told))
            print(
                f"  {name:<10} {cpu.text(2):>18} s CPU {at_most(SECONDS, cpu):<10} {memory.text(0):>16} MB "
                f"{at_most(MEMORY, memory)}"
            )
    print(f"  target    ≤ {SECONDS:g} s of CPU and ≤ {MEMORY:.0f} MB each\n")


def _made() -> bytes:
    """Return a photograph's like: soft shapes under fine noise."""
    noise = Image.effect_noise(SIDES, 40).convert("RGB")
    soft = Image.radial_gradient("L").resize(SIDES).convert("RGB")
    out = BytesIO()
    Image.blend(noise, soft, 0.7).save(out, "JPEG", quality=90)
    return out.getvalue()


def _apart(original: Path, name: str) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.content", "fit", str(original), name]
    told: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return told


def _fit(original: Path, name: str) -> None:
    limit = specs()[name].images
    assert limit
    content = original.read_bytes()
    memory, began = _most_memory(), cpu_seconds()
    fit(content, limit)
    used = cpu_seconds() - began
    print(json.dumps({"cpu": used, "memory": _most_memory() - memory}))


def _most_memory() -> float:
    """Return the megabytes that this process had at the most; `getrusage` would count those of its parent too."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1_024


if __name__ == "__main__":
    main()
