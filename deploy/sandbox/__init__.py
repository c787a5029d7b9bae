"""A stand-in for the platforms: their HTTP shapes, a ledger of what was posted, and faults on request."""
