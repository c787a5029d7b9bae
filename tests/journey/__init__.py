"""Posts on their way through every service, each a process of its own, while things go wrong."""
