"""What a person must look at."""


class BadInput(ValueError):
    """A person must look; a retry does not help."""
