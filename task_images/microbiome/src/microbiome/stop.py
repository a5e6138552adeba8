"""Stop promptly on SIGTERM (Spot interruption, StopTask) and leave no half-written file behind."""

import contextlib
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

EXIT_CODE = 128 + signal.SIGTERM
_unfinished: set[Path] = set()


# Held while a temporary file comes into being. Reentrant: the signal may interrupt the main thread right there.
_creating = threading.RLock()


def remember(create: Callable[[], Path]) -> Path:
    """Create a file or folder that must not outlive this process."""
    with _creating:
        path = create()
        _unfinished.add(path)
    return path


def forget(path: Path) -> None:
    _unfinished.discard(path)


def on_sigterm() -> None:
    """From now on SIGTERM ends the process with 143. Results are whole objects: there is no half of one."""
    signal.signal(signal.SIGTERM, _stop)


def _stop(number: int, frame: FrameType | None) -> None:
    _creating.acquire()  # and never release it: from here on no thread begins a new file
    for path in list(_unfinished):
        _remove(path)
    print("stopped by SIGTERM; finished samples keep their results", flush=True)
    sys.stdout.flush()
    # Not sys.exit: that would wait for threads that are in the middle of a sample.
    os._exit(EXIT_CODE)


def _remove(path: Path) -> None:
    if not path.is_dir():
        path.unlink(missing_ok=True)
        return
    # Other threads are still at work in the folder; under a new name it can be emptied, because nobody finds it.
    gone = path.rename(path.with_name(path.name + "-removed"))
    shutil.rmtree(gone, ignore_errors=True)


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder under TMPDIR (the container's scratch volume) that is gone afterwards."""
    folder = remember(lambda: Path(tempfile.mkdtemp(prefix="microbiome-")))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        forget(folder)
