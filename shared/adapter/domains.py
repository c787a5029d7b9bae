"""The top-level domains that X knows, as twitter-text 3.1 lists them: its own list of today is unpublished.

They stand in `domains.txt`; a test compares them with those of the package `twitter-text-parser`.
"""

from pathlib import Path

TOP_LEVEL = frozenset(Path(__file__).with_suffix(".txt").read_text(encoding="utf-8").split())
