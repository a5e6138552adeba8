"""What the CLI says to a person instead of a traceback."""


class UserError(Exception):
    """One clear message: what is wrong, where, what is allowed, what to do. The CLI prints it and exits with 1."""
