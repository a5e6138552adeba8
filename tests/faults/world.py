"""Real Airflow processes, PostgreSQL and the emulator, each of which may be killed and started again."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import boto3
import httpx
import psutil

from local.postgres import remove_data, start_postgres
from local.processes import Service, run, start, wait_until, with_signal
from local.state import MARKER, ROOT, State, free_ports
from tests.faults.aws_proxy import AwsProxy

REGION, ACCOUNT = "us-east-1", "000000000000"
CLUSTER, BUCKET, LANE = "tasklane-faults", "tasklane-faults-data", "probe"
LOG_GROUP, METRICS_GROUP = "/tasklane/faults/probe", "/tasklane/faults/lanes"
# The same program as a lane on instances, with a size that Fargate lacks.
GPU_LANE, GPU_PROVIDER = "trainer", "tasklane-faults-g4dn-xlarge"
POOLS = {"platform": 8}  # what the bundled DAGs of these tests ask for
HERE = Path(__file__).parent
COMPONENTS = ("api-server", "scheduler", "dag-processor", "triggerer")


class World:
    """One private environment in `folder`; `close()` leaves nothing behind."""

    def __init__(
        self, folder: Path, airflow: str, dags: dict[str, str], settings: dict[str, str] | None = None
    ) -> None:
        emulator, api, postgres = free_ports(3)
        folder.mkdir(parents=True, exist_ok=True)
        self.state = State(folder.resolve(), emulator, api, postgres)
        self.python = ROOT / f".venvs/airflow-{airflow}/bin/python"
        self.services: dict[str, Service] = {}
        self._dags = dags
        self._settings = settings or {}
        self.proxy: AwsProxy | None = None
        self.extra_path: list[str] = []
        self.env = {**_clean_environment(), MARKER: str(self.state.folder)}

    # ---- AWS ----
    def start_emulator(self) -> None:
        images = self.state.folder / "images.json"
        entry = {
            "runtime": "process",
            "python": str(ROOT / ".venv/bin/python"),
            "dockerfile": str(HERE / "probe/Dockerfile"),
        }
        images.write_text(json.dumps({LANE: entry}))
        argv = [str(ROOT / ".venvs/emulator/bin/python"), "-m", "local.aws", "--port", str(self.state.emulator_port)]
        argv += ["--state", str(self.state.folder / "aws"), "--images", str(images)]
        env = {**self.env, "PYTHONPATH": str(ROOT), "TASKLANE_EMULATOR_TOKEN": self.state.token}
        self._start("emulator", argv, env, cwd=ROOT)
        health = f"{self.state.endpoint_url}/_tasklane/health"
        wait_until("the emulator", lambda: _answers(health), services=[self.services["emulator"]], seconds=60)

    def start_proxy(self, seed: int = 0) -> AwsProxy:
        """From now on Airflow's processes reach AWS through a proxy that counts calls and can spoil them."""
        self.proxy = AwsProxy(self.state.emulator_port, seed)
        return self.proxy

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.state.endpoint_url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def deploy(self) -> None:
        """Cluster, lane, log group and bucket, as the stacks would make them."""
        self.client("s3").create_bucket(Bucket=BUCKET)
        for group in (LOG_GROUP, METRICS_GROUP):
            self.client("logs").create_log_group(logGroupName=group)
        self.client("ecr").create_repository(repositoryName=LANE)
        role = self._role()
        ec2 = self.client("ec2")
        gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        for table in ec2.describe_route_tables()["RouteTables"]:  # a way to the image registry and the logs
            ec2.create_route(RouteTableId=table["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
        self._network = {
            "subnets": [ec2.describe_subnets()["Subnets"][0]["SubnetId"]],
            "security_groups": [ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]],
        }
        ecs = self.client("ecs")
        ecs.create_cluster(clusterName=CLUSTER, capacityProviders=["FARGATE", "FARGATE_SPOT", GPU_PROVIDER])
        logging = {"awslogs-group": LOG_GROUP, "awslogs-region": REGION, "awslogs-stream-prefix": LANE}
        container = {
            "name": LANE,
            "image": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{LANE}:1",
            "essential": True,
            "stopTimeout": 10,
            "logConfiguration": {"logDriver": "awslogs", "options": logging},
        }
        for lane, runs_on in ((LANE, "FARGATE"), (GPU_LANE, "EC2")):
            ecs.register_task_definition(
                family=f"{CLUSTER}-{lane}", requiresCompatibilities=[runs_on], networkMode="awsvpc", cpu="256",
                memory="512", taskRoleArn=role, executionRoleArn=role,
                containerDefinitions=[{**container, "name": lane}],
            )  # fmt: skip

    def _role(self) -> str:
        trust = {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
        iam = self.client("iam")
        role = iam.create_role(RoleName="probe", AssumeRolePolicyDocument=json.dumps(_policy(trust)))["Role"]["Arn"]
        everything = {"Effect": "Allow", "Action": ["s3:*", "logs:*", "ecr:*"], "Resource": "*"}
        iam.put_role_policy(RoleName="probe", PolicyName="all", PolicyDocument=json.dumps(_policy(everything)))
        return str(role)

    # ---- Airflow ----
    def start_airflow(self) -> None:
        self._write_dags()
        self.services["postgres"] = start_postgres(self.state, self.env)
        wait_until("PostgreSQL", lambda: _open(self.state.postgres_port), services=[], seconds=30)
        log = self.state.logs / "migrate.log"
        run(
            "migrate",
            [str(self.python), "-m", "airflow", "db", "migrate"],
            log=log,
            env=self.airflow_env,
            cwd=self.state.folder,
        )
        for component in COMPONENTS:
            self.start_component(component)
        dags = f"{self.state.airflow_url}/api/v2/dags"
        wait_until(
            "the DAGs",
            lambda: _answers(dags) and len(httpx.get(dags).json()["dags"]) >= len(self._dags),
            services=list(self.services.values()),
            seconds=120,
        )
        for name, slots in POOLS.items():
            pool = {"name": name, "slots": slots}
            httpx.post(f"{self.state.airflow_url}/api/v2/pools", json=pool, timeout=30).raise_for_status()

    def start_component(self, name: str) -> None:
        self._start(name, [str(self.python), "-m", "airflow", name], self.airflow_env, cwd=self.state.folder)

    def kill(self, name: str) -> None:
        """SIGKILL to the service and everything it started, as when its host dies."""
        service = self.services[name]
        with_signal(service.process.pid, signal.SIGKILL)
        service.stop()

    def restart(self, name: str) -> None:
        """Start what was killed: the emulator with the state it left, or a component of Airflow."""
        if name == "emulator":
            self.start_emulator()
        else:
            self.start_component(name)

    def kill_worker(self, task_instance: str = "") -> bool:
        """SIGKILL to a worker of the local executor with the task it runs; False when none is running a task.

        `task_instance` is the id of the task whose worker it must be: another may still be ending an earlier one's.
        """
        scheduler = psutil.Process(self.services["scheduler"].process.pid)
        for worker in scheduler.children():
            with contextlib.suppress(psutil.NoSuchProcess):  # it ended meanwhile
                # Its title names the task; the log server has children too.
                busy, tasks = " ".join(worker.cmdline()), worker.children(recursive=True)
                if tasks and "LocalExecutor" in busy and task_instance in busy:
                    for process in (worker, *tasks):
                        with_signal(process.pid, signal.SIGKILL)
                    return True
        return False

    def _write_dags(self) -> None:
        dags = self.state.folder / "dags"
        dags.mkdir(exist_ok=True)
        shutil.copytree(ROOT / "dags/lanes", dags / "lanes", dirs_exist_ok=True)
        shutil.copytree(ROOT / "platform_spec", dags / "platform_spec", dirs_exist_ok=True)
        shutil.copy(ROOT / "dags/teams.toml", dags)
        (dags / ".airflowignore").write_text("lanes/*\nplatform_spec/*\n")
        (dags / "manifest.json").write_text(json.dumps({**_manifest(), **self._network}))
        for name, text in self._dags.items():
            (dags / name).write_text(text)

    @property
    def airflow_env(self) -> dict[str, str]:
        from local.airflow.settings import airflow_environment

        own = {
            "AWS_ENDPOINT_URL": self.proxy.url if self.proxy else self.state.endpoint_url,
            "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
        }  # fmt: skip
        env = {**airflow_environment(self.state, {**self.env, **own}, {}), **self._settings}
        env["AIRFLOW__CORE__DAGS_FOLDER"] = str(self.state.folder / "dags")
        env["PYTHONPATH"] = os.pathsep.join([env["PYTHONPATH"], str(self.state.folder / "dags"), *self.extra_path])
        return env

    # ---- processes ----
    def cpu_seconds(self) -> float:
        """CPU time of Airflow's processes so far, with all their children, the dead ones too."""
        total = 0.0
        for component in COMPONENTS:
            leader = psutil.Process(self.services[component].process.pid)
            for process in [leader, *leader.children(recursive=True)]:
                with contextlib.suppress(psutil.NoSuchProcess):  # ended meanwhile: its parent counts it from now on
                    total += sum(process.cpu_times()[:4])
        return total

    def _start(self, name: str, argv: list[str], env: dict[str, str], cwd: Path) -> None:
        self.services[name] = start(name, argv, log=self.state.logs / f"{name}.log", env=env, cwd=cwd)

    def close(self) -> None:
        for service in reversed(self.services.values()):
            service.stop()
        if self.proxy:
            self.proxy.close()
        remove_data(self.state)


def _manifest() -> dict[str, Any]:
    small = {"cpu_units": 256, "memory_mib": 512, "grows_to": ["large"]}
    lane = _lane(LANE, spot=True, sizes={"small": small, "large": {"cpu_units": 256, "memory_mib": 1024}})
    gpu = {"cpu_units": 4096, "memory_mib": 14336, "gpus": 1, "instance_type": "g4dn.xlarge"}
    on_gpu = _lane(GPU_LANE, lane="ec2", spot=False, sizes={"gpu": {**gpu, "capacity_provider": GPU_PROVIDER}})
    return {
        "environment": "faults", "release": "r1", "account": ACCOUNT, "region": REGION, "cluster": CLUSTER,
        "cluster_arn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/{CLUSTER}",
        "dag_bucket": BUCKET, "data_bucket": BUCKET, "metrics_log_group": METRICS_GROUP,
        "tasks": {LANE: lane, GPU_LANE: on_gpu}, "pools": POOLS, "schedules": {"lanes_reaper": False},
    }  # fmt: skip


def _lane(name: str, **members: Any) -> dict[str, Any]:
    return {
        "family": f"{CLUSTER}-{name}", "task_definition_arn": f"{CLUSTER}-{name}:1", "container": name, "image": "x",
        "log_group": LOG_GROUP, "log_stream_prefix": LANE, "owner": "tests", "architecture": "x86_64",
        "timeout_minutes": 60, "stop_timeout_seconds": 10, "result_version": 1, **members,
    }  # fmt: skip


def _policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _clean_environment() -> dict[str, str]:
    kept = ("PATH", "LANG", "HOME", "TMPDIR")
    return {name: value for name, value in os.environ.items() if name in kept}


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).is_success
    except httpx.HTTPError:
        return False


def _open(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    sys.exit("a module of the fault suite; run pytest tests/faults")
