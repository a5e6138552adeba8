"""What the image promises: compiled kernels are found again, CPUs come from the control group, sizes are legal."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from microbiome import machine

ROOT = Path(__file__).resolve().parents[1]
COMPILED = """
import microbiome
from numba.core import event
counted = []
class Listener(event.Listener):
    def on_start(self, event): counted.append(event)
    def on_end(self, event): pass
event.register("numba:compile", Listener())
from microbiome.cli import run
code = run(["warm-up"])
print("compiled", len(counted), "exit", code)
"""


@pytest.mark.timeout(600)  # all kernels are compiled: 10 CPU seconds, which a busy machine makes minutes of
def test_baked_kernels_are_used_and_nothing_is_compiled(tmp_path: Path) -> None:
    baked, scratch = tmp_path / "baked", tmp_path / "scratch"
    scratch.mkdir()
    clean = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA")} | {
        "TMPDIR": str(scratch)
    }
    target = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}
    build = [sys.executable, "-m", "microbiome", "warm-up"]
    subprocess.run(build, env=clean | target | {"NUMBA_CACHE_DIR": str(baked)}, check=True, capture_output=True)
    (baked / "target.env").write_text("".join(f"{name}={value}\n" for name, value in target.items()))
    start = [sys.executable, "-c", COMPILED]
    environment = clean | {"MICROBIOME_BAKED_CACHE": str(baked)}
    done = subprocess.run(start, env=environment, check=True, capture_output=True, text=True)
    assert "compiled 0 exit 0" in done.stdout


@pytest.mark.parametrize(
    ("quota", "cpus"), [("max 100000", 0.0), ("50000 100000", 0.5), ("250000 100000", 2.5), ("x", 0.0)]
)
def test_quota_of_the_control_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota: str, cpus: float) -> None:
    (tmp_path / "cpu.max").write_text(quota)
    monkeypatch.setattr(machine, "CGROUP_V2", tmp_path / "cpu.max")
    assert machine._quota_cpus() == cpus
    assert 1 <= machine.cpu_count() <= max(1, round(cpus + 0.5)) if cpus else machine.cpu_count() >= 1


def test_dockerfile_and_declaration_keep_their_promises() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert 'ENTRYPOINT ["python", "-m", "microbiome"]' in dockerfile
    assert re.search(r"^ARG BASE=\S+:\S+", dockerfile, re.MULTILINE)
    assert dockerfile.index("USER microbiome") < dockerfile.index("ENTRYPOINT")
    task = tomllib.loads((ROOT / "task.toml").read_text())
    assert next(iter(task["sizes"])) == "batch"
    for size in task["sizes"].values():
        assert set(size.get("grows_to", [])) <= set(task["sizes"])


def test_locks_name_no_registry_and_agree() -> None:
    pins = {}
    for name in ("requirements.lock", "requirements-test.lock"):
        content = (ROOT / name).read_text()
        assert "http" not in content
        pins[name] = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", content, re.MULTILINE))
    assert pins["requirements.lock"].items() <= pins["requirements-test.lock"].items()
