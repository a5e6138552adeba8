"""Sequences as 64-bit words of 32 bases (2 bits each, base 0 in the lowest bits), and how to look at them.

A packed sequence is followed by one zero word, so that a window of 32 bases may start at any base.
"""

from typing import Any

import numpy as np
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

LOW_BITS = np.uint64(0x5555555555555555)
BASES_PER_WORD = 32

# 0-3 = ACGT, 4 = N, 5 = end of line, 255 = not a base.
CODE = np.full(256, 255, np.uint8)
for _index, _pair in enumerate(("Aa", "Cc", "Gg", "Tt", "Nn")):
    for _letter in _pair:
        CODE[ord(_letter)] = _index
CODE[ord("\n")] = CODE[ord("\r")] = 5
LETTER = np.frombuffer(b"ACGTN", np.uint8).copy()


@intrinsic
def popcount(typing_context: Any, word: Any) -> Any:
    """Number of set bits (one instruction on x86-64-v2 and on Arm)."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


@intrinsic
def trailing_zeros(typing_context: Any, word: Any) -> Any:
    """Number of zero bits below the lowest set bit; 64 for zero."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], cgutils.false_bit)

    return types.uint64(types.uint64), generate


@njit(cache=True, nogil=True, inline="always")
def window(words: np.ndarray, base: int) -> np.uint64:
    """The 32 bases that start at `base`."""
    word = base >> 5
    shift = np.uint64((base & 31) << 1)
    if shift == 0:
        return words[word]
    return (words[word] >> shift) | (words[word + 1] << (np.uint64(64) - shift))


@njit(cache=True, nogil=True, inline="always")
def mismatch_bits(first: np.uint64, second: np.uint64) -> np.uint64:
    """One bit (the lower of two) for each base that differs."""
    difference = first ^ second
    return (difference | (difference >> np.uint64(1))) & LOW_BITS


@njit(cache=True, nogil=True, inline="always")
def first_bases(count: int) -> np.uint64:
    """Mask of the lower bit of the first `count` bases, 0 < count; 32 or more means all."""
    if count >= 32:
        return LOW_BITS
    return LOW_BITS & ((np.uint64(1) << np.uint64(count << 1)) - np.uint64(1))


@njit(cache=True, nogil=True)
def pack(text: np.ndarray, start: int, length: int, words: np.ndarray) -> None:
    """Pack `length` letters of ACGT into `words`, which needs length // 32 + 2 words."""
    for word in range(length // 32 + 2):
        words[word] = 0
    for i in range(length):
        words[i >> 5] |= np.uint64(CODE[text[start + i]] & 3) << np.uint64((i & 31) << 1)
