"""Memory of a process's whole session, for the limit that a container engine would enforce.

The kernel's own limit (cgroups) needs rights that a developer's machine seldom gives, so a watchdog looks at the
processes' anonymous memory: all sessions are read in one pass over /proc, and only a session that seems over its limit
is counted exactly (proportional set size: pages shared by forked children count once). A process that grows faster
than the interval can pass its limit by what it allocates within it.
"""

from pathlib import Path

CHECK_SECONDS = 0.25
_PAGE_BYTES = 4096
_PROC = Path("/proc")


def memory_by_session() -> dict[int, int]:
    """Bytes of private memory per session id, of all processes we may read."""
    totals: dict[int, int] = {}
    for folder in _PROC.iterdir():
        if not folder.name.isdigit():
            continue
        try:
            fields = (folder / "stat").read_text().rpartition(") ")[2].split()
            resident, shared = (folder / "statm").read_text().split()[1:3]
        except OSError:  # it ended meanwhile
            continue
        session = int(fields[3])
        totals[session] = totals.get(session, 0) + (int(resident) - int(shared)) * _PAGE_BYTES
    return totals


def session_memory_bytes(session: int) -> int:
    """Exact memory of one session in bytes: shared pages are divided among their users."""
    total = 0
    for folder in _PROC.iterdir():
        if not folder.name.isdigit():
            continue
        try:
            if int((folder / "stat").read_text().rpartition(") ")[2].split()[3]) == session:
                total += _anonymous_bytes((folder / "smaps_rollup").read_text())
        except OSError:
            continue
    return total


def _anonymous_bytes(rollup: str) -> int:
    """Pss_Anon plus Pss_Shmem: what a container's memory limit counts, without cached files."""
    kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss")}
    return 1024 * (kilobytes.get("Pss_Anon", kilobytes.get("Pss", 0)) + kilobytes.get("Pss_Shmem", 0))
