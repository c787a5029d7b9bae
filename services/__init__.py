"""The life of a post: ingest, policy, publisher, metrics; each starts alone and imports none of the others."""
