"""What a person reads, and the run in figures: what is not known is not there."""

import datetime as dt
import json
from dataclasses import replace

import pytest

from lanes.attempts.engine import Seen
from lanes.attempts.failures import Failure, Kind
from lanes.attempts.launch import Size
from lanes.attempts.outcome import Ended, Outcome
from lanes.attempts.report import error_message, run_facts
from lanes.attempts.run_metrics import metric_event
from lanes.attempts.steps import Step
from tests.dags.lanes_airflow.test_ecs_trigger import LAUNCH

BEGIN = dt.datetime(2026, 11, 20, 10, tzinfo=dt.UTC)
SEEN = Seen(
    "arn/1", "STOPPED", ended=True, created_at=BEGIN, started_at=BEGIN, stopped_at=BEGIN + dt.timedelta(hours=1)
)
GPU = Size("gpu", 4096, 14336, 100, gpus=1, instance_type="g4dn.xlarge", capacity_provider="p")


def outcome(result=None, failure=None):
    return Outcome(failure, Step(0, 0, False), "arn/1", "s3://b/r.json", SEEN, result or {})


def test_peak_memory_is_what_the_result_document_says():
    facts = run_facts(outcome({"peak_memory_mib": 350.5}), LAUNCH)
    assert facts["peak_memory_mib"] == 350.5
    assert '"PeakMemoryMib": 350.5' in metric_event("dev", facts, 0)


def test_a_result_document_without_it_or_with_nonsense_gives_none():
    for result in ({}, {"peak_memory_mib": "much"}):
        facts = run_facts(outcome(result), LAUNCH)
        assert "peak_memory_mib" not in facts
        assert "PeakMemoryMib" not in metric_event("dev", facts, 0)


def test_the_price_of_an_instance_is_not_known():
    assert run_facts(outcome(), LAUNCH)["cost_usd"] > 0
    facts = run_facts(outcome(), replace(LAUNCH, sizes=[GPU]))
    assert "cost_usd" not in facts
    assert (facts["instance_type"], facts["gpus"]) == ("g4dn.xlarge", 1)
    failure = Failure(Kind.ERROR, "why", 1)
    message = error_message(failure, outcome(failure=failure), replace(LAUNCH, sizes=[GPU]), ["last"])
    assert "g4dn.xlarge with 1 GPUs for it" in message
    assert "USD" not in message


def test_every_container_of_an_attempt_is_billed():
    """By hand, at what an hour of the small and the large size costs: an hour on Spot, then one of the next size."""
    launch = replace(LAUNCH, sizes=[Size("small", 1024, 2048, 20), Size("large", 2048, 8192, 60)],
                     region="us-east-1", architecture="x86_64")  # fmt: skip
    small, large = 0.04048 + 2 * 0.004445, 2 * 0.04048 + 8 * 0.004445 + 40 * 0.000111
    first = Ended(Step(0, 0, True), SEEN)
    found = Outcome(None, Step(1, 1, False), "arn/2", "s3://b/r.json", replace(SEEN, arn="arn/2"), {}, (first,))
    facts = run_facts(found, launch)
    assert facts["cost_usd"] == pytest.approx(small + large, abs=2e-6)
    assert [(c["size"], c["capacity"], c["seconds"]) for c in facts["containers"]] == [
        ("small", "spot", 3600.0), ("large", "on_demand", 3600.0),
    ]  # fmt: skip
    event = json.loads(metric_event("dev", facts, 0))
    assert event["AllSeconds"] == 7200
    assert event["Seconds"] == 3600  # the metric stays that of the last one
    assert event["SpotUsd"] == pytest.approx(small, abs=1e-6)
    refused = run_facts(replace(found, arn=None, seen=None), launch)  # no second one could be started
    assert refused["cost_usd"] == pytest.approx(small, abs=1e-6)


@pytest.mark.parametrize("kind", Kind)
def test_the_first_line_names_the_class(kind):
    failure = Failure(kind, "AWS's own words", 1)
    first, second, *_ = error_message(failure, outcome(failure=failure), LAUNCH, ["last"]).splitlines()
    assert first == f"{kind}: exit code 1: AWS's own words"
    assert second.startswith("lane probe, size small")
