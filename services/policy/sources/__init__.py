"""Where policy gets its facts from."""
