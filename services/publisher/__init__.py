"""Publisher: an approved post is published once."""
