"""What ends a run, and what is to be done about it."""


class BadInput(ValueError):
    """A person must look; a retry does not help."""


class SourceMoved(RuntimeError):
    """An object was replaced or removed after it was listed: the next attempt takes the source as it is then."""
