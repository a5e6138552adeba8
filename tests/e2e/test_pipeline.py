"""The flagship pipeline in a deployed environment: emulator, CDK CLI, Airflow, containers, tables, report."""

import json
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest

from local.state import State
from ops.airflow_api import AirflowApi
from tests.e2e.conftest import DATA, SECONDS, copied, demo, ends_of_logs, processes_of, queue_of, simulate

pytestmark = pytest.mark.timeout(SECONDS)
BATCH = "microbiome_batch"
real_reads = pytest.mark.skipif(
    not (DATA / "mock").is_dir(), reason=f"no real reads in {DATA}: set TASKLANE_DATA to a folder that has them"
)


def summary_of(out: Path, done: subprocess.CompletedProcess[str], state: Path) -> dict[str, Any]:
    assert done.returncode == 0, done.stdout + done.stderr + ends_of_logs(state)
    return dict(json.loads((out / "summary.json").read_text()))


def table_of(out: Path) -> dict[str, dict[str, float]]:
    """feature-table.tsv as {sample: {feature id: reads}}, without zeros."""
    lines = [line for line in (out / "feature-table.tsv").read_text().splitlines() if not line.startswith("# ")]
    header, *rows = (line.split("\t") for line in lines)
    return {
        name: {row[0]: float(row[column]) for row in rows if float(row[column])}
        for column, name in enumerate(header)
        if column
    }


def log_of_a_batch(state: Path) -> str:
    """What the UI shows for the first attempt of the newest batch of three samples."""
    found = State.load(state)
    assert found is not None
    api = AirflowApi(found.airflow_url)
    logs = ["\n".join(api.log(BATCH, run["dag_run_id"], "analyze_batch", 1)) for run in api.runs(BATCH)[-2:]]
    return max(logs, key=len)


def sequences_of(fasta: Path) -> dict[str, str]:
    records = (record.split("\n", 1) for record in fasta.read_text().split(">")[1:])
    return {name.split()[0]: body.replace("\n", "").upper() for name, body in records}


def test_a_broken_sample_is_named_and_the_others_finish(environment: Path, tmp_path: Path) -> None:
    made = simulate(tmp_path / "made", "--samples", "5", "--seed", "7")
    reads = copied((made / "reads").iterdir(), tmp_path / "reads")
    for read in "12":
        whole = next(reads.glob(f"*_R{read}_*.gz")).read_bytes()
        (reads / f"Torn_S99_L001_R{read}_001.fastq.gz").write_bytes(whole[: len(whole) // 2])
    arguments = ["--data", str(reads), "--reference", str(made / "reference.fasta.gz"), "--batch-items", "3"]
    out = tmp_path / "out"
    summary = summary_of(out, demo(environment, out, *arguments), environment)
    assert (summary["samples"], summary["samples_ok"], summary["samples_quarantined"]) == (6, 5, 1)
    assert summary["batches"] == 2
    assert "Torn" in (out / "quarantine.tsv").read_text()
    assert "Torn" not in table_of(out)
    facts = facts_of(out)
    assert facts["Batches succeeded"] == f"{summary['batches']} of 2"
    assert facts["Containers of the batches"] == "2"
    assert re.fullmatch(r"0\.\d{4} USD \(list price on demand\)", facts["Cost of the batches"])
    assert float(facts["Cost of the batches"].split()[0]) > 0
    assert {"Run", "Release", "Time of the fan-out", "Container time"} <= set(facts)
    assert "2/3" in log_of_a_batch(environment)  # the container's own progress line, where Airflow's UI shows it
    again = summary_of(out, demo(environment, out, *arguments), environment)
    assert (again["batches"], again["asvs"]) == (0, summary["asvs"])


def facts_of(out: Path) -> dict[str, Any]:
    """What the report tells of the run: label and value."""
    embedded = re.search(r'"facts":(\{.*?\})', (out / "report.html").read_text())
    assert embedded
    return dict(json.loads(embedded[1]))


def test_a_failure_is_told_under_the_deployed_role(environment: Path) -> None:
    """The run fails for good at once; its message goes through the topic of the alarms to whoever subscribed."""
    found = State.load(environment)
    assert found is not None
    sqs, sns = (client_of(found, service) for service in ("sqs", "sns"))
    [topic] = [one["TopicArn"] for one in sns.list_topics()["Topics"] if one["TopicArn"].endswith("-alarms")]
    url = queue_of(topic, sns, sqs)
    api = AirflowApi(found.airflow_url)
    run_id = api.trigger("microbiome_dispatch", {"prefix": "raw/nothing-here/"})
    # Alarms go through the same topic: the emulator's look at all runs, whatever their outcome.
    notices: list[Any] = []
    until = time.monotonic() + 20
    while not notices and time.monotonic() < until:
        notices = [one for one in received(sqs, url, 5) if one["Subject"].startswith("[local]")]
    [told] = notices
    assert told["Subject"] == "[local] microbiome_dispatch.detect failed: AirflowFailException"
    assert "no FASTQ file under" in told["Message"]
    assert f"run: {run_id}" in told["Message"]
    assert [one for one in received(sqs, url, 2) if run_id in one["Message"]] == []


def received(sqs: Any, url: str, seconds: int) -> list[Any]:
    """What came within `seconds`."""
    found = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=seconds, MaxNumberOfMessages=10).get("Messages", [])
    return [json.loads(message["Body"]) for message in found]


def client_of(state: State, service: str) -> Any:
    return boto3.client(
        service,
        region_name="us-east-1",
        endpoint_url=state.endpoint_url,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def test_every_server_listens_on_loopback_only(environment: Path) -> None:
    listening = [
        (process.name(), connection.laddr.ip)
        for process in processes_of(environment)
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening
    assert {address for _, address in listening} == {"127.0.0.1"}, listening


@real_reads
def test_the_mock_community_gives_its_20_sequences_and_no_other(environment: Path, tmp_path: Path) -> None:
    reads = copied((DATA / "mock").glob("*.fastq.gz"), tmp_path / "reads")
    out = tmp_path / "out"
    reference = DATA / "reference/rdp_train_set_16.fa.gz"
    summary_of(out, demo(environment, out, "--data", str(reads), "--reference", str(reference)), environment)
    found = set(sequences_of(out / "asv_seqs.fasta").values())
    assert len(found) == 20
    assert [one for one in found if not is_expected(one)] == []
    assert sum(table_of(out)["Mock"].values()) >= 4269


@real_reads
def test_mock_and_mouse_samples_pooled_in_three_batches(environment: Path, tmp_path: Path) -> None:
    files = [*(DATA / "mock").glob("*.fastq.gz"), *(DATA / "mouse_gut").glob("*.fastq.gz")]
    reads = copied(files, tmp_path / "reads")
    out = tmp_path / "out"
    reference = DATA / "reference/rdp_train_set_16.fa.gz"
    arguments = ["--data", str(reads), "--reference", str(reference), "--batch-items", "3"]
    summary = summary_of(out, demo(environment, out, *arguments), environment)
    assert (summary["samples"], summary["samples_ok"], summary["batches"]) == (8, 8, 3)
    sequences, table = sequences_of(out / "asv_seqs.fasta"), table_of(out)
    mock = table.pop("Mock")
    exact = [feature for feature in mock if is_expected(sequences[feature])]
    assert len(exact) == 20
    # One sequencing run: some reads of the mouse samples carry the mock's index. Each other feature must be such a one.
    in_mice = set().union(*table.values())
    assert [feature for feature in mock if feature not in exact and feature not in in_mice] == []
    assert sum(mock[feature] for feature in exact) / sum(mock.values()) > 0.98


def is_expected(sequence: str) -> bool:
    return any(sequence in whole for whole in sequences_of(DATA / "mock/HMP_MOCK.v35.fasta").values())
