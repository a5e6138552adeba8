"""One run of the pipeline against a running deployment from which a right was taken."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Any

from local.state import State
from ops.airflow_api import AirflowApi
from ops.errors import UserError
from tests.security.deployed import attached, document

PARENT, CHILD = "microbiome_dispatch", "microbiome_batch"
BAD = {"failed", "up_for_retry", "upstream_failed"}
SECONDS = 180.0


class Outcome(Enum):
    """How the platform took the loss of a right."""

    FAILED = "the pipeline failed"
    REFUSED = "refused, and the pipeline did without"
    STUCK = "the pipeline did not end"
    NOT_ASKED = "not asked for by this run"


@contextmanager
def without_statement(iam: Any, role: str, sid: str) -> Iterator[None]:
    """The role's policy without one statement, for a while."""
    for arn in attached(iam, role):
        whole = document(iam, arn)
        rest = [statement for statement in whole["Statement"] if statement["Sid"] != sid]
        if len(rest) < len(whole["Statement"]):
            break
    else:
        raise ValueError(f"{role} has no statement {sid}")
    # A policy needs a statement: one that allows nothing takes the place of the last.
    nothing = {"Sid": "Nothing", "Effect": "Deny", "Action": "none:None", "Resource": "*"}
    _replace(iam, arn, {**whole, "Statement": rest or [nothing]})
    try:
        yield
    finally:
        _replace(iam, arn, whole)


def _replace(iam: Any, arn: str, changed: dict[str, Any]) -> None:
    """A new default version; the one before it goes, because a policy holds five."""
    before = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(changed), SetAsDefault=True)
    iam.delete_policy_version(PolicyArn=arn, VersionId=before)


class Pipeline:
    """Runs of the flagship pipeline on the reads in `folder`, each time under sample names that nobody analysed yet."""

    def __init__(self, state: State, s3: Any, folder: Path) -> None:
        self._api, self._s3 = AirflowApi(state.airflow_url), s3
        self._audit = state.logs / "authorised-calls.jsonl"
        self._reads = sorted(folder.rglob("*.fastq.gz"))[:2]
        self._bucket = next(b["Name"] for b in s3.list_buckets()["Buckets"] if "-data-" in b["Name"])

    def run(self, name: str, role: str) -> Outcome:
        """Start a run and see what becomes of it."""
        offset = self._audit.stat().st_size
        time.sleep(2)  # a second or two until the DAG folder has noticed
        for path in self._reads:
            self._s3.upload_file(str(path), self._bucket, f"raw/{name}/{name}{path.name}")
        try:
            run_id = self._api.trigger(PARENT, {"prefix": f"raw/{name}/", "batch_items": 1})
        except UserError:  # the DAGs are gone: nobody could read them
            return Outcome.FAILED
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            if self._has_failed(run_id):
                self._end(run_id)
                return Outcome.FAILED
            if self._api.run(PARENT, run_id)["state"] in ("success", "failed"):
                return Outcome.REFUSED if self._refused_soon(offset, role) else Outcome.NOT_ASKED
            time.sleep(1)
        self._end(run_id)
        return Outcome.STUCK

    def wait_for_dags(self) -> None:
        """After a right that the DAG folder needs has come back."""
        while PARENT not in self._api.dag_ids():
            time.sleep(1)

    def _end(self, run_id: str) -> None:
        """One run at a time is allowed: what was spoilt must not wait for its retries."""
        for run in self._api.runs(CHILD, prefix=f"{run_id}__"):
            if run["state"] not in ("success", "failed"):
                self._api.end_run(CHILD, run["dag_run_id"])
        self._api.end_run(PARENT, run_id)

    def _has_failed(self, run_id: str) -> bool:
        runs = [(PARENT, run_id)]
        runs += [(CHILD, run["dag_run_id"]) for run in self._api.runs(CHILD, prefix=f"{run_id}__")]
        return any(task["state"] in BAD for dag, run in runs for task in self._api.task_instances(dag, run))

    def _refused_soon(self, offset: int, role: str) -> bool:
        """Some calls come after the end of a run: metrics are written every ten seconds."""
        until = time.monotonic() + 20
        while not (refused := bool(self._refusals(offset, role))) and time.monotonic() < until:
            time.sleep(1)
        return refused

    def _refusals(self, offset: int, role: str) -> list[str]:
        with self._audit.open("rb") as audit:
            audit.seek(offset)
            entries = [json.loads(line) for line in audit.read().splitlines()]
        return [e["action"] for e in entries if not e["allowed"] and f":assumed-role/{role}/" in e["principal"]]
