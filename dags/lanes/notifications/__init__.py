"""Failures that nobody will retry any more, told to people: what is said (notice), how (channels), when (callback)."""
