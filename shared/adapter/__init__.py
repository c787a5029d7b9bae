"""The shape that every platform fits: what it declares, how it is called, how its failures are named."""
