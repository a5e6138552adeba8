"""`python -m ops` is `tasklane`."""

from ops.main import run

run()
