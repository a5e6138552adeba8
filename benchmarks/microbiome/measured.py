"""Run a microbiome command in a process of its own and measure it."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Measured:
    """Of a whole process, interpreter start included."""

    wall_seconds: float
    cpu_seconds: float
    peak_mib: float


def run(*arguments: object) -> Measured:
    """Raises CalledProcessError if the command fails."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "microbiome", *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    cpu = usage.ru_utime + usage.ru_stime
    return Measured(time.perf_counter() - started, cpu, usage.ru_maxrss / 1024)
