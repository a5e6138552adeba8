"""Run a compiled kernel on ranges of its input, one thread per CPU. Ranges only split the work, never the result."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from microbiome.machine import cpu_count

SMALLEST_RANGE = 16


def over_ranges(count: int, work: Callable[[int, int], None], threads: int | None = None) -> None:
    """Call work(first, last) for ranges that cover 0..count-1; the kernels release Python's lock."""
    threads = threads or cpu_count()
    # More ranges than threads: neighbouring sequences need very different time.
    step = max(SMALLEST_RANGE, -(-count // (threads * 8)))
    ranges = [(first, min(first + step, count)) for first in range(0, count, step)]
    if threads == 1 or len(ranges) == 1:
        for first, last in ranges:
            work(first, last)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda bounds: work(*bounds), ranges))
