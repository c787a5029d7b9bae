"""The latest figures in docs/performance.md, exactly as they were printed."""

from datetime import UTC, datetime
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
BEGIN, END = "<!-- figures: written by `python -m bench --write` -->", "<!-- end of figures -->"


def record(command: str, printed: str) -> None:
    """Put what a command printed between the page's marks, with the day."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    today = datetime.now(UTC).date().isoformat()
    figures = f"`{command}` on {today}:\n\n```text\n{printed.strip()}\n```\n"
    PAGE.write_text(f"{before}{BEGIN}\n\n{figures}\n{END}{after}")
