"""Edit distance up to a bound, on packed sequences: Landau & Vishkin's diagonals (doi:10.1016/0196-6774(89)90010-2).

The work depends on the bound, not on the length: sequences that differ more are given up after a few words.
"""

import numpy as np
from numba import njit

from microbiome.kernels.bits import mismatch_bits, trailing_zeros, window

MAX_DISTANCE = 63
UNREACHED = -(1 << 30)


@njit(cache=True, nogil=True, inline="always")
def common_run(a: np.ndarray, i: int, a_length: int, b: np.ndarray, j: int, b_length: int) -> int:
    """How many bases agree from a[i:] and b[j:] on."""
    limit = min(a_length - i, b_length - j)
    run = 0
    while run < limit:
        different = mismatch_bits(window(a, i + run), window(b, j + run))
        if different != 0:
            return min(run + (np.int64(trailing_zeros(different)) >> 1), limit)
        run += 32
    return limit


@njit(cache=True, nogil=True)
def edit_distance(a: np.ndarray, a_length: int, b: np.ndarray, b_length: int, bound: int, reach: np.ndarray) -> int:
    """Substitutions, insertions and deletions between two whole sequences; bound + 1 if there are more than `bound`.

    `reach` is scratch of at least 2 x (2 * MAX_DISTANCE + 3) numbers.
    """
    last = a_length - b_length
    if abs(last) > bound:
        return bound + 1
    middle = MAX_DISTANCE + 1
    # reach[k]: how far in `a` one gets with e edits on diagonal k (position in a minus position in b).
    old, new = reach[0], reach[1]
    run = common_run(a, 0, a_length, b, 0, b_length)
    old[middle] = run
    if last == 0 and run == a_length:
        return 0
    for e in range(1, bound + 1):
        for k in range(-e, e + 1):
            if abs(k - last) > bound - e:  # too many gaps still to come
                new[middle + k] = UNREACHED
                continue
            far = -1
            if -e < k < e:
                far = old[middle + k] + 1
            if k - 1 > -e:
                far = max(far, old[middle + k - 1] + 1)
            if k + 1 < e:
                far = max(far, old[middle + k + 1])
            far = min(far, a_length, b_length + k)
            if far < 0 or far - k < 0:
                new[middle + k] = UNREACHED
                continue
            far += common_run(a, far, a_length, b, far - k, b_length)
            new[middle + k] = far
            if k == last and far == a_length:
                return e
        old, new = new, old
    return bound + 1
