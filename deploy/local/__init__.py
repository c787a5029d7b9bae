"""Real servers on this machine: found, or started privately on 127.0.0.1 and ended with whoever asked for them."""
