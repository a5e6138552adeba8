"""A small repository for a test: the real stacks, specification and DAG kit, one task that needs no base image."""

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LINKED = ("stacks", "app.py", "cdk.json", "cdk.context.json", ".venv", ".venvs", "node_modules", "plugins", "ops")
TASK = """\
purpose = "says hello"
owner = "platform"
architecture = "x86_64"
timeout_minutes = 5
[sizes.small]
cpu_units = 256
memory_mib = 512
[access]
read = ["raw/"]
write = ["runs/hello/"]
"""
DOCKERFILE = """\
FROM scratch
COPY hello.txt /hello.txt
ENTRYPOINT ["/hello"]
"""
PYPROJECT = '[project]\nname = "hello"\nversion = "1"\nlicense = "Apache-2.0"\n'
LOCK = """\
certifi==2025.1.31 \\
    --hash=sha256:3d5da6925056f6f18f119200434a4780a94263f10d1c21d032a6f6b2baa20651
"""
DAG = '''\
"""### Says hello

### When it fails
Clear it.
"""

import datetime as dt

from lanes import dag, run_task

with dag(
    team="platform",
    owner="platform",
    pool="platform",
    schedule=None,
    start_date=dt.date(2026, 1, 1),
    catchup=False,
    doc_md=__doc__,
):
    run_task("hello", command=["hello"])
'''
TEAMS = """\
[teams.platform]
prefixes = ["hello", "nightly"]
owners = { platform = "platform@example.com" }
pools = ["platform"]
priority = { lowest = 1, default = 5, highest = 10 }
retries = 1
timeout_minutes = 10
"""
ENVIRONMENT = """\
account = "000000000000"
region = "us-east-1"
zones = ["us-east-1a", "us-east-1b"]
keeps_data = false
log_retention_days = 1
[airflow]
environment_class = "mw1.medium"
max_workers = 2
[network]
cidr = "10.90.0.0/16"
[delivery]
repository = "example-org/data-platform"
creates_provider = {creates_provider}
readers = ["arn:aws:iam::000000000000:role/tasklane-two-deploy"]
[pools]
platform = 20
"""


def make_repository(folder: Path, *environments: str) -> Path:
    """Write it to `folder`, committed to git, with the named environments."""
    for name in LINKED:
        (folder / name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / "platform_spec", folder / "platform_spec", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "dags/lanes", folder / "dags/lanes", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "dags/.airflowignore", folder / "dags")
    files = {
        "dags/hello.py": DAG,
        "dags/teams.toml": TEAMS,
        "dags/access.toml": '[access]\nread = ["raw/"]\nwrite = ["fanout/"]\n',
        "task_images/hello/task.toml": TASK,
        "task_images/hello/Dockerfile": DOCKERFILE,
        "task_images/hello/hello.txt": "hello\n",
        "task_images/hello/pyproject.toml": PYPROJECT,
        "task_images/hello/requirements.lock": LOCK,
        ".gitignore": "cdk.out/\n__pycache__/\n",
        **{
            f"environments/{name}.toml": ENVIRONMENT.format(creates_provider=str(first).lower())
            for name, first in zip(environments, [True, *[False] * len(environments)], strict=False)
        },
    }
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content)
    git(folder, "init", "-q", "-b", "main")
    commit(folder)
    return folder


def commit(folder: Path) -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "state", "--allow-empty")


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=Test", "-c", "user.email=test@example.com"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)
