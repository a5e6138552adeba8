"""A bundled pipeline in the lane `docker` on this machine: two tables more in local.toml, and nothing else."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.state import State
from ops.images.engines import OPTIONS_VARIABLE, build_options
from tests.container_engine import BASE, ContainerEngine, running_engine
from tests.e2e.checkouts import VERSION, checkout_with
from tests.e2e.conftest import SECONDS, running_environment, working_in
from tests.e2e.running import api_of, documents, run_dag, states_of

pytestmark = pytest.mark.timeout(SECONDS)
HERE = "arm64" if os.uname().machine in ("aarch64", "arm64") else "x86_64"
TABLES = f"""
[docker]
worker_role = "arn:aws:iam::000000000000:role/tasklane-local-airflow"

[tasks.s3_json]
lane = "docker"
architecture = "{HERE}"
spot = false
"""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ContainerEngine]:
    with running_engine(tmp_path_factory.mktemp("engine")) as found:
        if not build_options() and not found.has(BASE):
            pytest.skip(
                f"{found.name} has no image {BASE}; set {OPTIONS_VARIABLE}='--build-arg BASE=…' for another base"
            )
        if found.has(BASE) and (why := found.refuses(BASE)):
            pytest.skip(f"{found.name} starts no container with the limits that it sets itself: {why}")
        yield found


@pytest.fixture(scope="module")
def beside(engine: ContainerEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """State folder of an environment whose Airflow has the engine; the other tasks are processes."""
    root = checkout_with(tmp_path_factory.mktemp("checkout") / "repository", version=VERSION, tables=TABLES)
    with working_in(root), pytest.MonkeyPatch.context() as shell:
        shell.setenv("DOCKER_HOST", engine.address)
        shell.setenv("TASKLANE_ENGINE", "process")
        if not build_options():
            shell.setenv(OPTIONS_VARIABLE, f"--build-arg BASE={BASE}")
        with running_environment(tmp_path_factory.mktemp("beside") / "state") as folder:
            yield folder


def test_the_smallest_pipeline_in_a_container_beside_the_worker(beside: Path) -> None:
    run = run_dag(beside, "s3_json", {"document": {"lane": "docker"}})
    log = "\n".join(api_of(beside).log(*run, "write", 1))
    assert states_of(beside, run) == {"write": "success"}, log
    assert [json.loads(body) for _, body in documents(beside, "results/s3_json/")] == [{"lane": "docker"}]
    facts = api_of(beside).xcom(*run, "write", "lanes_run")
    facts = json.loads(facts) if isinstance(facts, str) else facts
    assert (facts["outcome"], facts["capacity"]) == ("success", "worker")
    # The program wrote with its own role: one that the worker took on, and nobody else could.
    state = State.load(beside)
    assert state is not None
    calls = [json.loads(line) for line in (state.logs / "authorised-calls.jsonl").read_text().splitlines()]
    written = [
        call for call in calls if "results/s3_json/" in json.dumps(call) and ":assumed-role/" in call["principal"]
    ]
    assert {call["principal"].split("/")[1] for call in written} == {"tasklane-local-s3_json-task"}
