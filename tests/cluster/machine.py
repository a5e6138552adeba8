"""What a node changes on its machine, and how it is put back: kernel settings, a bridge, mounts, cgroups."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# The kubelet sets them as it starts.
SETTINGS = ("vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops",
            "kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes")  # fmt: skip


@contextmanager
def kept_settings() -> Iterator[None]:
    paths = [Path("/proc/sys", name) for name in SETTINGS]
    before = {path: path.read_text() for path in paths if path.exists()}
    try:
        yield
    finally:
        for path, value in before.items():
            if path.read_text() != value:
                path.write_text(value)


@contextmanager
def bridge(name: str, address: str) -> Iterator[None]:
    """To which the pods of a node are tied; `address` is this machine's on it."""
    ip("link", "add", name, "type", "bridge")
    try:
        ip("address", "add", f"{address}/24", "dev", name)
        ip("link", "set", name, "up")
        yield
    finally:
        ip("link", "delete", name)


@contextmanager
def unmounted(folder: Path) -> Iterator[None]:
    """No mount below the folder is left."""
    try:
        yield
    finally:
        mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for mount in sorted((one for one in mounts if one.startswith(f"{folder}/")), reverse=True):
            subprocess.run(["umount", "--lazy", mount], check=False)


@contextmanager
def cgroups(name: str) -> Iterator[None]:
    """Below which the kubelet makes those of its pods: it ends whatever else it finds there."""
    top = Path("/sys/fs/cgroup")
    roots = [top] if (top / "cgroup.controllers").exists() else [one for one in top.iterdir() if one.is_dir()]
    for root in roots:
        (root / name).mkdir()
        for setting in ("cpuset.cpus", "cpuset.mems"):  # version 1 begins with none
            if (root / name / setting).exists() and root != top:
                (root / name / setting).write_text((root / setting).read_text())
    try:
        yield
    finally:
        for root in roots:
            groups = [one for one in (root / name).rglob("*") if one.is_dir()]
            for group in [*sorted(groups, reverse=True), root / name]:
                group.rmdir()


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
