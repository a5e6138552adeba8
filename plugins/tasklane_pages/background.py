"""Work that follows from the end of a run, in a thread with a database session of its own."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

log = logging.getLogger(__name__)

# One at a time, and not in the request or in the scheduler's loop that found the end of the run.
_worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="fan-out")


def later(work: Callable[..., None], *arguments: Any) -> None:
    """Call `work(session, *arguments)` soon and commit; what it raises is logged."""
    _worker.submit(_run, work, arguments)


def _run(work: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    from airflow.utils.session import create_session

    try:
        with create_session(scoped=False) as session:
            work(session, *arguments)
    except Exception:
        log.exception("%s%r failed", work.__name__, arguments)
