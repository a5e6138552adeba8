"""The program of a light task: real processes, real signals; what is left is nothing."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from lanes.attempts.failures import Kind
from lanes.virtualenv.process import Finished, Program
from lanes.virtualenv.verdict import message, reason, verdict


def run(code: str, folder: Path, *, timeout: float = 60, grace: float = 0.3) -> tuple[Finished, list[str]]:
    seen: list[str] = []
    program = Program([sys.executable, "-u", "-c", code], {"PATH": "/usr/bin:/bin"}, folder, grace)
    return program.run(seen.append, timeout), seen


def test_lines_come_as_they_are_written_and_the_environment_is_clean(tmp_path: Path) -> None:
    code = "import os, sys; print(sorted(os.environ)); print('to stderr', file=sys.stderr); sys.stdout.write('no end')"
    finished, seen = run(code, tmp_path)
    assert (finished.exit_code, finished.timed_out) == (0, False)
    assert "PATH" in seen[0]
    assert "HOME" not in seen[0]
    assert seen[1:] == ["to stderr", "no end"]
    assert finished.cpu_seconds > 0


def test_a_users_exception_is_the_first_line(tmp_path: Path) -> None:
    code = "def f():\n    raise ValueError('dose is negative:\\n-3')\ntry:\n    1/0\nexcept ZeroDivisionError:\n    f()"
    finished, _seen = run(code, tmp_path)
    failure = verdict(finished, 60)
    assert failure is not None
    assert failure.kind is Kind.ERROR
    lines = message(failure, "least_squares", finished).splitlines()
    assert lines[0] == "error: exit code 1: ValueError: dose is negative:"
    assert lines[2] == "Traceback (most recent call last):"
    assert lines[-1] == "-3"
    assert "ZeroDivisionError" not in "\n".join(lines)


@pytest.mark.parametrize(
    ("code", "kind", "said"),
    [
        ("import sys; print('row 3: no dose'); sys.exit(2)", Kind.INPUT, "input: exit code 2: row 3: no dose"),
        ("import sys; sys.exit(7)", Kind.ERROR, "error: exit code 7: it wrote nothing"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", Kind.MEMORY, "the worker ran out of memory"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", Kind.ERROR, "ended by SIGSEGV"),
    ],
)
def test_each_end_has_its_class(code: str, kind: Kind, said: str, tmp_path: Path) -> None:
    failure = verdict(run(code, tmp_path)[0], 60)
    assert failure is not None
    assert failure.kind is kind
    assert said in failure.headline


def is_gone(pid: int) -> bool:
    """A killed process needs a moment of CPU to die."""
    until = time.monotonic() + 30
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


FAMILY = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, '-c', 'import signal, time; signal.signal(15, 1); time.sleep(600)'])
print(child.pid, flush=True)
time.sleep({seconds})
"""


@pytest.mark.parametrize(("seconds", "timed_out"), [(600, True), (0.2, False)])
def test_the_whole_group_ends_with_it(seconds: float, timed_out: bool, tmp_path: Path) -> None:
    finished, seen = run(FAMILY.format(seconds=seconds), tmp_path, timeout=3 if timed_out else 60)
    assert finished.timed_out is timed_out
    assert is_gone(int(seen[0]))
    failure = verdict(finished, 3)
    assert (failure.kind if failure else None) == (Kind.TIMEOUT if timed_out else None)


def test_stop_ends_it_from_elsewhere(tmp_path: Path) -> None:
    code = "import time; print('up'); time.sleep(600)"
    program = Program([sys.executable, "-u", "-c", code], {"PATH": "/usr/bin:/bin"}, tmp_path, 0.3)
    up = threading.Event()
    threading.Thread(target=lambda: (up.wait(), program.stop())).start()
    finished = program.run(lambda line: up.set(), 60)
    failure = verdict(finished, 60)
    assert failure is not None
    assert failure.headline == "stopped: ended by SIGTERM"


KILLED = """
import sys; sys.path[:0] = [sys.argv[1]]
from pathlib import Path
from lanes.virtualenv.process import Program
show = lambda line: print(line, flush=True)
code = 'echo $$; sleep 600 & echo $!; wait'
Program(['/bin/sh', '-c', code], dict(PATH='/usr/bin:/bin'), Path('/'), 1).run(show, 600)
"""


def test_it_and_what_it_started_die_with_a_killed_worker(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", KILLED, str(Path(__file__).parents[3] / "dags")]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        pids = [int(worker.stdout.readline()) for _ in range(2)]
        worker.kill()
    assert all(is_gone(pid) for pid in pids)


def test_a_program_that_waits_for_all_its_children_has_none_but_its_own(tmp_path: Path) -> None:
    code = "import os\ntry:\n    os.wait()\nexcept ChildProcessError:\n    print('no child')"
    assert run(code, tmp_path)[1] == ["no child"]


def test_the_reason_without_a_traceback_is_the_last_line() -> None:
    assert reason(["a", "b", " "]) == "b"


def test_memory_is_the_programs_own_and_its_childrens_not_what_its_worker_had(tmp_path: Path) -> None:
    ballast = bytearray(b"x" * 300 * 1024**2)  # a worker with Airflow in it
    light, _ = run("import time; time.sleep(1)", tmp_path)
    assert 1 < light.most_memory_mib < 100
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', '{}'])"
    family, _ = run(code.format('hoard = b"x" * 150 * 1024 ** 2; import time; time.sleep(2)'), tmp_path)
    assert 150 < family.most_memory_mib < 300
    del ballast
