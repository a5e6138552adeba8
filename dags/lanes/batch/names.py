"""Job names: SubmitJob has no client token, so the name says whose job it is and which launch.

A name begins with the task instance, so that one ListJobs call per queue (filter JOB_NAME, with an asterisk at its end)
finds the jobs of all attempts; the rest is the launch.
"""

from __future__ import annotations

from lanes.attempts.identity import Attempt


def name_prefix(attempt: Attempt) -> str:
    """How the names of all jobs of a task instance begin."""
    return f"{attempt.started_by.replace('/', '-')}-"


def job_name(attempt: Attempt, launch: int) -> str:
    """At most 128 letters, digits, hyphens and underscores (API reference of SubmitJob)."""
    return f"{name_prefix(attempt)}{attempt.client_token(launch)[:40]}"
