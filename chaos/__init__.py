"""Faults on purpose: servers and processes die, stall and lie; the sandbox's ledger says what came of every post."""
