"""What this container really has: CPUs from its control group, and a numba cache that can be written to."""

import atexit
import contextlib
import hashlib
import math
import os
import shutil
import tempfile
from pathlib import Path

CGROUP_V2 = Path("/sys/fs/cgroup/cpu.max")
CGROUP_V1 = Path("/sys/fs/cgroup/cpu")


def cpu_count() -> int:
    """CPUs this process may use: MICROBIOME_CPUS if set, else its affinity, cut down to the control group's quota."""
    if (wanted := os.environ.get("MICROBIOME_CPUS", "")).isdigit() and int(wanted) > 0:
        return int(wanted)
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    quota = _quota_cpus()
    return max(1, min(available, math.ceil(quota))) if quota else max(1, available)


def _quota_cpus() -> float:
    """The control group's CPU quota in CPUs; 0.0 when there is none."""
    try:
        if CGROUP_V2.exists():
            quota, period = CGROUP_V2.read_text().split()
            return 0.0 if quota == "max" else int(quota) / int(period)
        if (CGROUP_V1 / "cpu.cfs_quota_us").exists():
            quota_us = int((CGROUP_V1 / "cpu.cfs_quota_us").read_text())
            return quota_us / int((CGROUP_V1 / "cpu.cfs_period_us").read_text()) if quota_us > 0 else 0.0
    except (OSError, ValueError):
        return 0.0
    return 0.0


def use_kernel_cache() -> None:
    """Say where numba keeps compiled kernels. Call it before numba is imported.

    numba notices a change in a function's own file only, not in the functions it calls. The folder's name holds a
    digest of all kernels: no old machine code can survive an update.
    """
    if os.environ.get("NUMBA_CACHE_DIR"):
        return
    baked = Path(os.environ.get("MICROBIOME_BAKED_CACHE") or "/nonexistent")
    if (baked / "target.env").is_file():
        _copy_baked_cache(baked)
        return
    folder = Path(__file__).parent / "__pycache__"
    with contextlib.suppress(OSError):
        folder.mkdir(exist_ok=True)
    if os.access(folder, os.W_OK):  # else numba's own choice, a folder in the user's home
        os.environ["NUMBA_CACHE_DIR"] = str(folder / f"kernels-{_kernels_digest()}")


def _kernels_digest() -> str:
    sources = sorted((Path(__file__).parent / "kernels").glob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]


def _copy_baked_cache(baked: Path) -> None:
    """Copy the image's compiled kernels to the scratch volume.

    numba (0.68, `_CacheLocator.ensure_cache_path`) refuses a cache folder that it cannot write to, even to read from,
    so on a read-only root file system the kernels compiled at image build would be compiled again at every start.
    """
    # One folder per process: two processes that copy into the same one would read each other's half-written files.
    target = tempfile.mkdtemp(prefix="numba-")
    atexit.register(shutil.rmtree, target, ignore_errors=True)
    shutil.copytree(baked, target, dirs_exist_ok=True)
    os.environ["NUMBA_CACHE_DIR"] = target
    # The cache's key holds the processor it was compiled for: ask for that one, not for the one found here.
    for line in (baked / "target.env").read_text().splitlines():
        name, _, value = line.partition("=")
        os.environ.setdefault(name, value)
