"""Recommendations per date, deployed: backfilled, run again without a changed byte, bad input told."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import SECONDS
from tests.e2e.running import api_of, client_of, documents, states_of, tasklane, told, upload_interactions

pytestmark = pytest.mark.timeout(2 * SECONDS)
DAG, RESULTS, GROUP = "recommendation", "results/recommendation/", 20
STEPS = ("preprocess", "inference", "postprocess")


def test_dates_are_backfilled_and_a_rerun_leaves_every_byte(environment: Path, tmp_path: Path) -> None:
    dates = ("2026-01-01", "2026-01-02")
    for date in dates:
        tastes = upload_interactions(environment, tmp_path, date)  # the same for all dates
    asked = ("backfill", DAG, "--from", dates[0], "--to", dates[1], "--yes")
    runs = told(environment, *asked)["started"]["run_ids"]
    assert len(runs) == 2
    for run_id in runs:
        assert states_of(environment, (DAG, run_id), wait=True) == dict.fromkeys(STEPS, "success")
    published = dict(documents(environment, RESULTS))
    for date in dates:
        [summary] = [json.loads(body) for key, body in published.items() if key.endswith(f"/{date}.json")]
        assert summary["hit_rate"] > 1.3 * summary["popularity_hit_rate"] > 0
        body = next(body for key, body in published.items() if summary["recommendations"].endswith(key))
        lines = [json.loads(line) for line in gzip.decompress(body).splitlines()]
        assert len(lines) == summary["users"] == 300
        liked = [_group(item) in tastes[line["user"]] for line in lines for item, _ in line["items"][:5]]
        assert sum(liked) / len(liked) > 0.6  # by chance: 0.2
    jobs = _jobs(environment)
    assert len(jobs) == 2
    roles = {job["container"]["jobRoleArn"].rpartition("/")[2] for job in jobs}
    assert roles == {"tasklane-local-recommendation_inference-task"}
    again = told(environment, "rerun", DAG, runs[0])
    assert [task["task"] for task in again["tasks"]] == sorted(STEPS)
    assert states_of(environment, (DAG, runs[0]), wait=True) == dict.fromkeys(STEPS, "success")
    assert len(_jobs(environment)) == 3  # it really ran
    assert dict(documents(environment, RESULTS)) == published
    assert told(environment, *asked)["runs"] == 0


def test_a_date_without_interactions_is_bad_input(environment: Path) -> None:
    before = documents(environment, RESULTS)
    failed = tasklane(environment, "run", DAG, "--date", "2026-02-01", "--wait", "--json")
    assert failed.returncode == 1, failed.stdout + failed.stderr
    run_id = json.loads(failed.stdout)["dag_run_id"]
    states = states_of(environment, (DAG, run_id))
    assert states == {"preprocess": "failed", "inference": "upstream_failed", "postprocess": "upstream_failed"}
    tries = {one["task_id"]: one["try_number"] for one in api_of(environment).task_instances(DAG, run_id)}
    assert tries["preprocess"] == 1  # nobody runs it again in vain
    log = tasklane(environment, "logs", f"{DAG}.preprocess", run_id).stdout
    assert "input: exit code 2" in log
    assert "no interactions of 2026-02-01: no *.parquet under" in log
    assert documents(environment, RESULTS) == before


def _group(item: str) -> int:
    return int(item.removeprefix("item-")) // GROUP


def _jobs(environment: Path) -> list[dict[str, Any]]:
    """The jobs that succeeded in the environment's queue."""
    batch = client_of(environment, "batch")
    listed = batch.list_jobs(jobQueue="tasklane-local-fargate", jobStatus="SUCCEEDED")["jobSummaryList"]
    return list(batch.describe_jobs(jobs=[job["jobId"] for job in listed])["jobs"])
