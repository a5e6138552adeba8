"""The inner loops, compiled by numba. Integer arithmetic only: the same results on every processor."""
