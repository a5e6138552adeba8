"""How much memory the container used at most: what its size should be judged by."""

import resource
from pathlib import Path

# The kernel's own count for the container, version 2 and 1 of control groups (kernel documentation, cgroup-v2 and
# cgroup-v1/memory); absent where the process is not in a container of its own.
_PEAKS = (Path("/sys/fs/cgroup/memory.peak"), Path("/sys/fs/cgroup/memory/memory.max_usage_in_bytes"))


def peak_memory_mib(peaks: tuple[Path, ...] = _PEAKS) -> float:
    """MiB so far: of the container or, without a count of it, of this process and its largest child."""
    for path in peaks:
        try:
            return round(int(path.read_text()) / 2**20, 1)
        except (OSError, ValueError):
            continue
    used = sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return round(used / 1024, 1)  # ru_maxrss is in KiB (getrusage(2), Linux)
