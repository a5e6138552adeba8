"""RunInDocker on a real engine: one container per attempt, whatever happens to the worker, with no right too many."""

import json
import signal

import boto3
import pytest
from botocore.exceptions import ClientError

from lanes import run_task
from tests.dags.lanes_airflow.docker.conftest import BUCKET, ENTRY, REGION, Machine


def document(machine: Machine, run_id: str, try_number: int = 1) -> dict:
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": REGION}
    s3 = boto3.client("s3", endpoint_url=machine.endpoint, **keys)
    key = f"runs/probe/d/{run_id}/work/-1/{try_number}.json"
    return json.loads(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())


def test_a_confined_container_with_the_tasks_own_role(machine: Machine) -> None:
    ended, output = machine.run("confined", run_id="fine")
    assert ended.get("result") == f"s3://{BUCKET}/runs/probe/d/fine/work/-1/1.json", output
    confined, _ = json.JSONDecoder().raw_decode(output.split("confined ")[1])
    none = "0000000000000000"
    uid = "10001\t10001\t10001\t10001"
    assert confined == {"Uid": uid, "CapEff": none, "CapBnd": none, "NoNewPrivs": "1", "root": "30", "keys": []}
    assert "init True" in output
    assert ":assumed-role/tasklane-dev-probe-task/work-fine-1" in document(machine, "fine")["caller"]
    [container] = machine.containers("fine")
    assert container["HostConfig"]["Memory"] == container["HostConfig"]["MemorySwap"] == 128 * 1024**2
    assert container["HostConfig"]["NanoCpus"] == 500_000_000
    facts = ended["xcoms"]["lanes_run"]
    assert (facts["outcome"], facts["capacity"], facts["launches"], facts["cost_usd"]) == ("success", "worker", 1, 0.0)
    assert facts["peak_memory_mib"] == 12.5
    assert facts["seconds"] >= 0


def test_classes_of_failure_begin_with_the_programs_own_words(machine: Machine) -> None:
    ended, output = machine.run("raise", run_id="raise", result=False)
    assert ended["error"].splitlines()[0] == "error: exit code 1: KeyError: 'dose'", output
    assert "about to fail" in ended["error"]
    assert ended["retried"]
    ended, _ = machine.run("exit", "2", run_id="input", result=False)
    assert ended["error"].splitlines()[0] == "input: exit code 2: no such column"
    assert not ended["retried"]
    ended, _ = machine.run("exit", "0", run_id="nothing")
    assert ended["error"].startswith("result: exit code 0: no result document at s3://")


def test_more_memory_than_its_size_has(machine: Machine) -> None:
    ended, output = machine.run("grow", "300", run_id="grow")
    assert ended["xcoms"]["lanes_run"]["launches"] == 2, output
    assert ended["xcoms"]["lanes_run"]["size"] == "large"
    assert document(machine, "grow")["grown"]
    ended, _ = machine.run("grow", "300", run_id="alone", size="alone")
    assert ended["error"].splitlines()[0] == (
        "memory: exit code 137: killed by the kernel: it needed more than its 128 MiB"
    )


def test_a_worker_that_dies_leaves_a_container_to_the_next_attempt(machine: Machine) -> None:
    first = machine.start("wait-and-ask", run_id="adopted")
    container = machine.running("adopted")
    first.kill()
    first.wait()
    second, lines = machine.start("wait-and-ask", run_id="adopted", try_number=2), []
    while "going on with container" not in (line := second.stdout.readline()):
        assert line, lines
        lines.append(line)
    assert f"going on with container {container['Id']} (running)" in line
    machine.client.kill(container["Id"], "SIGUSR1")
    output, _ = second.communicate(timeout=300)
    assert "credentials until" in output  # from the second worker, at the address that the first one gave
    ended = json.loads(output.splitlines()[-1])
    assert ended["result"] == f"s3://{BUCKET}/runs/probe/d/adopted/work/-1/1.json"
    assert ended["xcoms"]["lanes_run"]["arn"] == container["Id"]
    assert len(machine.containers("adopted")) == 1


def test_a_container_that_ended_without_a_worker_is_not_run_again(machine: Machine) -> None:
    first = machine.start("confined", run_id="late")
    machine.until(lambda: document_exists(machine, "late"))
    first.send_signal(signal.SIGKILL)
    first.wait()
    machine.until(lambda: machine.containers("late")[0]["State"]["Status"] == "exited")
    [container] = machine.containers("late")
    ended, output = machine.run("confined", run_id="late", try_number=2)
    assert f"going on with container {container['Id']} (finished)" in output
    assert ended["result"] == f"s3://{BUCKET}/runs/probe/d/late/work/-1/1.json"
    assert len(machine.containers("late")) == 1


def document_exists(machine: Machine, run_id: str) -> bool:
    try:
        return bool(document(machine, run_id))
    except ClientError:  # not there yet
        return False


def test_a_killed_task_stops_its_container_even_one_that_does_not_listen(machine: Machine) -> None:
    worker = machine.start("stubborn", run_id="killed", result=False)
    container = machine.running("killed")
    worker.send_signal(signal.SIGTERM)
    output, _ = worker.communicate(timeout=120)
    assert "told to stop (the Airflow task was killed)" in output
    machine.until(lambda: machine.containers("killed")[0]["State"]["Status"] == "exited")
    assert machine.containers("killed")[0]["State"]["ExitCode"] == 137
    assert b"asked to stop" in machine.client.logs(container["Id"])


def test_the_time_limit_counts_and_has_its_class(machine: Machine) -> None:
    ended, output = machine.run("stubborn", run_id="timeout", result=False, timeout_seconds=3)
    assert ended["error"].startswith("timeout: exit code 137: tasklane timeout-1 try 1: timeout after 3 s"), output


def test_an_image_that_is_not_there(machine: Machine, manifest) -> None:
    missing = {"probe": {**ENTRY, "image": "localhost/tasklane-tests/missing:1"}}
    manifest(account="000000000000", region=REGION, data_bucket=BUCKET, tasks=missing)
    ended, output = machine.run("confined", run_id="image")
    assert ended["error"].startswith("image: localhost/tasklane-tests/missing:1 cannot be pulled: "), output
    assert machine.containers("image") == []


@pytest.mark.parametrize(("how", "code"), [("stop", 143), ("kill", 137)])
def test_a_person_who_stops_it_is_no_failure_of_the_program(machine: Machine, how: str, code: int) -> None:
    if how == "kill" and "podman" in str(machine.client.version()).lower():
        pytest.skip("Podman does not say who killed a container: one that was killed counts as out of memory")
    worker = machine.start("wait", run_id=f"person-{how}", result=False)
    container = machine.running(f"person-{how}")
    getattr(machine.client, how)(container["Id"])
    output, _ = worker.communicate(timeout=120)
    stopped = f"stopped: exit code {code}: stopped by a person or another program of this machine"
    assert json.loads(output.splitlines()[-1])["error"].splitlines()[0] == stopped


def test_a_role_that_the_worker_may_not_take_on(machine: Machine, manifest) -> None:
    foreign = {"probe": {**ENTRY, "task_role_arn": "arn:aws:iam::000000000000:role/somebody-elses"}}
    manifest(account="000000000000", region=REGION, data_bucket=BUCKET, tasks=foreign)
    ended, output = machine.run("confined", run_id="role")
    assert ended["error"].startswith("refused: AWS refused AssumeRole: "), output
    assert not ended["retried"]
    assert machine.containers("role") == []  # nothing was started


def test_no_engine(machine: Machine) -> None:
    machine.environment["DOCKER_HOST"] = "unix:///nowhere.sock"
    ended, _ = machine.run("confined", run_id="none")
    assert ended["error"].startswith("start: no container engine: Failed to establish connection")


def test_what_is_left_is_removed_and_what_runs_is_seen(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    import datetime as dt

    from lanes.docker import reaper

    machine.run("exit", "1", run_id="ended", result=False)
    worker = machine.start("stubborn", run_id="open", result=False)
    container = machine.running("open")
    assert reaper.sweep(machine.client, "dev") == []  # kept for an hour
    monkeypatch.setattr(reaper, "KEPT", dt.timedelta(0))
    assert len(reaper.sweep(machine.client, "dev")) == 1
    assert machine.containers("ended") == []
    assert reaper.sweep(machine.client, "another") == []
    [seen] = reaper.running_containers(machine.client, "dev")
    assert (seen.arn, seen.dag_id, seen.run_id, seen.key) == (container["Id"], "d", "open", "work")
    worker.kill()
    worker.wait()
    assert machine.containers("open")[0]["State"]["Status"] == "running"


def test_an_environment_without_engines_refuses_the_lane(manifest) -> None:
    manifest(tasks={"probe": {**ENTRY, "task_role_arn": ""}})
    refused = r"task 'probe': lane docker needs a container engine .* MWAA's have none; set lane = \"fargate\" in "
    with pytest.raises(ValueError, match=refused + r"task_images/probe/task.toml, or .*environments/dev.toml"):
        run_task("probe", command=["x"])


def test_sizes_and_capacity_are_looked_at(manifest) -> None:
    manifest(tasks={"probe": ENTRY})
    with pytest.raises(ValueError, match="has no size 'huge'"):
        run_task("probe", command=["x"], size="huge")
