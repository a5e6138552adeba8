"""Lets the triggerer close the log files of triggers that have ended. Airflow 3.0 only.

The triggerer opens a log file per trigger and closes it by dropping the last reference to it. structlog keeps another
one for ever: its table of locks has the files as keys. So every task that defers costs the triggerer a file handle
until it restarts (measured: 7 per run of a fan-out with 6 batches, 575 an hour in the soak), and at the limit of the
process (1,024 is usual) no trigger can log any more. Later versions of Airflow close the files themselves.
"""

from weakref import WeakKeyDictionary

import structlog._output
from airflow import __version__
from airflow.plugins_manager import AirflowPlugin

if __version__.startswith("3.0."):
    structlog._output.WRITE_LOCKS = WeakKeyDictionary(structlog._output.WRITE_LOCKS)  # type: ignore[assignment]


class TasklaneOpenFiles(AirflowPlugin):
    """Makes the module a plugin, which is what gets it imported."""

    name = "tasklane_open_files"
