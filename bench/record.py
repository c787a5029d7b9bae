"""The latest figures of each part in docs/performance.md, exactly as they were printed."""

from datetime import UTC, datetime
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
END = "<!-- end of figures -->"


def record(part: str, command: str, printed: str, page: Path = PAGE) -> None:
    """Put what a command printed about a part under the part's name, with the day; other parts keep theirs."""
    told = page.read_text()
    begin, end = f"<!-- {part}: written by `python -m bench --write` -->", f"<!-- end of {part} -->"
    if begin not in told:
        told = told.replace(END, f"{begin}\n{end}\n\n{END}")
    before, _, rest = told.partition(begin)
    after = rest.partition(end)[2]
    today = datetime.now(UTC).date().isoformat()
    figures = f"### {part}\n\n`{command}` on {today}:\n\n```text\n{printed.strip()}\n```"
    page.write_text(f"{before}{begin}\n\n{figures}\n\n{end}{after}")
