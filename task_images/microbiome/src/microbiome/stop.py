"""Stop promptly on SIGTERM (Spot interruption, StopTask) and leave no half-written file behind."""

import contextlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

EXIT_CODE = 128 + signal.SIGTERM
_unfinished: set[Path] = set()


def remember(path: Path) -> None:
    """A file or folder that must not outlive this process."""
    _unfinished.add(path)


def forget(path: Path) -> None:
    _unfinished.discard(path)


def on_sigterm() -> None:
    """From now on SIGTERM ends the process with 143. Results are whole objects: there is no half of one."""
    signal.signal(signal.SIGTERM, _stop)


def _stop(number: int, frame: FrameType | None) -> None:
    for path in list(_unfinished):
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    print("stopped by SIGTERM; finished samples keep their results", flush=True)
    sys.stdout.flush()
    # Not sys.exit: that would wait for threads that are in the middle of a sample.
    os._exit(EXIT_CODE)


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder under TMPDIR (the container's scratch volume) that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="microbiome-"))
    remember(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        forget(folder)
