"""The platforms, a folder each; the folder is the registration."""
