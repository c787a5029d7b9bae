"""Ingest: a post is asked for, checked, prepared, rendered once; and what became of it stays readable."""
