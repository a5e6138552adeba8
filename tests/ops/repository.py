"""A small repository for a test: the real stacks, specification and DAG kit, one task that needs no base image."""

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LINKED = (
    "stacks",
    "app.py",
    "cdk.json",
    "cdk.context.json",
    ".tools",
    ".venv",
    ".venvs",
    "node_modules",
    "plugins",
    "ops",
)
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
account = "{account}"
region = "{region}"
zones = ["{region}a", "{region}c"]
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
readers = ["arn:aws:iam::{other}:role/tasklane-two-deploy"]
[pools]
platform = 20
"""
ACCOUNT, REGION = "000000000000", "us-east-1"
# In an account and Region of its own, as stg is beside dev; the other environments share the emulator's account.
ELSEWHERE = {"two": ("444455556666", "ap-northeast-1")}


def environment_file(name: str, *, creates_provider: bool) -> str:
    account, region = ELSEWHERE.get(name, (ACCOUNT, REGION))
    given = {"account": account, "region": region, "other": ELSEWHERE["two"][0]}
    return ENVIRONMENT.format(**given, creates_provider=str(creates_provider).lower())


def make_repository(folder: Path, *environments: str) -> Path:
    """Write it to `folder`, committed to git, with the named environments (the first makes the provider).

    Everything that is not in LINKED is its own, and can be changed.
    """
    folder.mkdir(exist_ok=True)
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
            f"environments/{name}.toml": environment_file(name, creates_provider=i == 0 or name in ELSEWHERE)
            for i, name in enumerate(environments)
        },
    }
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "config", "remote.origin.url", str(folder))
    commit(folder)
    return folder


def commit(folder: Path) -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "state", "--allow-empty")


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=Test", "-c", "user.email=test@example.com"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)
