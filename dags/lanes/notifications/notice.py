"""What a person reads about a failed task: subject and text. Pure."""

from __future__ import annotations

import traceback
from dataclasses import dataclass

from lanes.attempts.failures import Kind
from platform_spec.alarms import RUN_OUTCOMES

# SNS takes a subject of fewer than 100 ASCII characters, without line breaks (API reference, Publish).
LONGEST_SUBJECT = 99
LONGEST_DETAIL = 3000  # characters; Slack shows a block of this length, and SNS takes 256 KiB
TRACEBACK_LINES = 15
# Airflow's DAG processor tells of a task whose supervisor no longer answers, without an error.
GONE = "process-gone"


@dataclass(frozen=True)
class Notice:
    """A task that failed for good. `detail` is what the task said last; `log_url` its log in Airflow's UI, or empty."""

    environment: str
    release: str
    dag_id: str
    run_id: str
    task: str
    attempt: int
    owner: str
    failure_class: str
    detail: str
    log_url: str

    @property
    def subject(self) -> str:
        text = f"[{self.environment}] {self.dag_id}.{self.task} failed: {self.failure_class}"
        return "".join(c if " " <= c <= "~" else "?" for c in text)[:LONGEST_SUBJECT]

    @property
    def facts(self) -> dict[str, str]:
        """Label and value, without those that are empty."""
        found = {
            "class": self.failure_class,
            "run": self.run_id,
            "attempt": str(self.attempt),
            "owner": self.owner,
            "release": self.release,
            "Airflow log": self.log_url,
            "what to do": self.entry,
        }
        return {label: value for label, value in found.items() if value}

    @property
    def entry(self) -> str:
        """Where the way out is written down: the runbook for failures of containers, else the table of DAGs."""
        known = self.failure_class in RUN_OUTCOMES
        return f"docs/runbook.md#runs-{self.failure_class}" if known else f"dags/README.md ({self.dag_id})"

    @property
    def text(self) -> str:
        facts = "\n".join(f"{label}: {value}" for label, value in self.facts.items())
        return f"{self.subject}\n\n{facts}\n\n{self.detail}\n"


def class_of(error: BaseException | str | None) -> str:
    """The class that a container's failure begins with (memory, image, …); of other errors the name of their type."""
    if error is None:
        return GONE
    first = str(error).partition(":")[0]
    if first in set(Kind):
        return first
    return type(error).__name__ if isinstance(error, BaseException) else "unknown"


def detail_of(error: BaseException | str | None) -> str:
    """What the task said last: a container's failure tells its last log lines itself, other errors their traceback."""
    text = (
        "Airflow gave no error: the task's process is gone (killed, or its host was lost)."
        if error is None
        else str(error)
    )
    if isinstance(error, BaseException) and class_of(error) not in set(Kind):
        lines = "".join(traceback.format_exception(error)).splitlines()
        text = "\n".join([text, "", *lines[-TRACEBACK_LINES:]])
    return clipped(text, LONGEST_DETAIL)


def clipped(text: str, longest: int) -> str:
    """Beginning and end: the first says what, the last says why."""
    if len(text) <= longest:
        return text
    head = longest // 3
    return f"{text[:head]}\n[…]\n{text[-(longest - head - 5) :]}"
