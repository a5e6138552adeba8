"""Faults on purpose, for tests of what survives them."""
