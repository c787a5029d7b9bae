"""One command per figure: ours beside a baseline, interleaved in one run."""
