"""Each environment is synthesized once per test session, by the code of app.py, with the rule packs on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import app as cdk_app
from platform_spec.environments import environment_names, load_environment
from tests.stacks.evaluate import Deployment

ROOT = Path(__file__).parents[2]
ENVIRONMENTS = environment_names(ROOT)

SAMPLE_TASK = """
purpose = "a task that uses everything a task can declare"
owner = "platform"
architecture = "x86_64"
timeout_minutes = 10
stop_timeout_seconds = 90
[sizes.normal]
cpu_units = 8192
memory_mib = 20480
storage_gib = 100
[access]
read = ["raw/"]
write = ["results/"]
secrets = ["API_KEY"]
"""
IDLE_TASK = """
purpose = "a task that may touch nothing"
owner = "platform"
timeout_minutes = 10
[sizes.small]
cpu_units = 256
memory_mib = 512
"""


def synthesize(env: str, root: Path, outdir: Path) -> int:
    """What `cdk synth -c env=… -c rules=all` does, in this process; the exit code."""
    flags = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = cdk_app.cdk.App(outdir=str(outdir), analytics_reporting=False, context={**flags, "env": env, "rules": "all"})
    return cdk_app.main(root, app)


class Deployments:
    """Synthesized environments, made when first asked for."""

    def __init__(self, root: Path, outdir: Path) -> None:
        self.root, self.outdir = root, outdir
        self._made: dict[str, Deployment] = {}

    def __getitem__(self, env: str) -> Deployment:
        if env not in self._made:
            outdir = self.outdir / env
            assert synthesize(env, self.root, outdir) == 0
            settings = load_environment(env, self.root)
            self._made[env] = Deployment(outdir, env, settings.account, settings.region)
        return self._made[env]


@pytest.fixture(scope="session")
def deployments(tmp_path_factory: pytest.TempPathFactory) -> Deployments:
    return Deployments(ROOT, tmp_path_factory.mktemp("synth"))


@pytest.fixture(scope="session", params=ENVIRONMENTS)
def deployment(request: pytest.FixtureRequest, deployments: Deployments) -> Deployment:
    """Each environment of the repository in turn."""
    return deployments[request.param]


def copy_of_root(folder: Path, tasks: dict[str, str]) -> Path:
    """A repository with our environments and other tasks."""
    shutil.copytree(ROOT / "environments", folder / "environments")
    (folder / "dags").mkdir(parents=True)
    shutil.copy(ROOT / "dags" / "access.toml", folder / "dags")
    for name, text in tasks.items():
        image = folder / "task_images" / name
        image.mkdir(parents=True)
        (image / "task.toml").write_text(text)
        (image / "Dockerfile").write_text("FROM scratch\n")
    return folder


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """Environment stg with two tasks that go to the limits of what a task can declare."""
    root = copy_of_root(tmp_path_factory.mktemp("sample"), {"large_one": SAMPLE_TASK, "idle": IDLE_TASK})
    return Deployments(root, tmp_path_factory.mktemp("synth-sample"))["stg"]
