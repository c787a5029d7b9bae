"""Metrics: public posts are measured by their age, followers counted daily, what others say is read and forgotten."""
