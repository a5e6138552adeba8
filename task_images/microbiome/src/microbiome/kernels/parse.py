"""Find and check the FASTQ records of a buffer. Nothing is copied: a record is five numbers that point into it."""

import numpy as np
from numba import njit

from microbiome.kernels.bits import CODE

HEAD, HEAD_LENGTH, SEQUENCE, LENGTH, QUALITY = range(5)
FIELDS = 5

OK = 0
NO_AT, NO_PLUS, BAD_BASE, LENGTHS_DIFFER, BAD_QUALITY, EMPTY_READ, TOO_LONG, CUT_SHORT = range(1, 9)
REASONS = {
    NO_AT: "not a FASTQ record: the header line does not begin with '@'",
    NO_PLUS: "not a FASTQ record: the third line does not begin with '+'",
    BAD_BASE: "the sequence has a character other than A, C, G, T, N",
    LENGTHS_DIFFER: "sequence and quality have different lengths",
    BAD_QUALITY: "the quality line has a character that is no score of this file",
    EMPTY_READ: "the sequence line is empty",
    TOO_LONG: "the read is longer than the 10000 bases that are allowed",
    CUT_SHORT: "the file ends in the middle of the record",
}
MAX_READ = 10_000
NEWLINE, RETURN, AT, PLUS, SPACE, TAB = 10, 13, 64, 43, 32, 9


@njit(cache=True, nogil=True)
def _line_end(text: np.ndarray, start: int, end: int) -> int:
    """Position of the next line feed, or -1."""
    for i in range(start, end):
        if text[i] == NEWLINE:
            return i
    return -1


@njit(cache=True, nogil=True)
def _head_length(text: np.ndarray, start: int, end: int) -> int:
    """Length of the read's name: up to a blank, without the mate number after '/' or '.'."""
    length = 0
    while start + length < end and text[start + length] not in (SPACE, TAB, RETURN):
        length += 1
    if length > 2 and text[start + length - 2] in (47, 46) and text[start + length - 1] in (49, 50):
        return length - 2
    return length


@njit(cache=True, nogil=True)
def _quality_range(text: np.ndarray, start: int, length: int) -> tuple[int, int]:
    low, high = 255, 0
    for i in range(start, start + length):
        value = text[i]
        low = min(low, value)
        high = max(high, value)
    return low, high


@njit(cache=True, nogil=True)
def parse(
    text: np.ndarray, end: int, last: bool, lowest: int, records: np.ndarray, span: np.ndarray
) -> tuple[int, int, int]:
    """Records in text[:end]; `last` says that the file ends there, with or without a line feed.
    `lowest` is the lowest quality character that is allowed.

    Fills `records` (n x FIELDS) and widens `span` (lowest and highest quality character seen).
    Returns (records found, bytes used, error code); the record after the last good one is the faulty one.
    """
    found = 0
    position = 0
    while found < records.shape[0]:
        head = position
        if head >= end:
            break
        if text[head] != AT:
            blank = last and text[head] in (NEWLINE, RETURN)
            while blank and head < end:
                blank = text[head] in (NEWLINE, RETURN)
                head += 1
            if blank:
                return found, end, OK
            return found, position, NO_AT
        head_end = _line_end(text, head, end)
        if head_end < 0:
            return found, position, CUT_SHORT if last else OK
        sequence = head_end + 1
        i = sequence
        while i < end and CODE[text[i]] < 5:
            i += 1
        if i >= end:
            return found, position, CUT_SHORT if last else OK
        length = i - sequence
        if text[i] == RETURN:
            i += 1
            if i >= end:
                return found, position, CUT_SHORT if last else OK
        if text[i] != NEWLINE:
            return found, position, BAD_BASE
        if length == 0:
            return found, position, EMPTY_READ
        if length > MAX_READ:
            return found, position, TOO_LONG
        plus = i + 1
        if plus < end and text[plus] != PLUS:
            return found, position, NO_PLUS
        plus_end = _line_end(text, plus, end)
        quality = plus_end + 1
        if plus_end < 0:
            return found, position, CUT_SHORT if last else OK
        quality_end = _line_end(text, quality, end)
        if quality_end < 0:
            if not last:
                return found, position, OK
            quality_end = end
        next_record = quality_end + 1
        if quality_end > quality and text[quality_end - 1] == RETURN:
            quality_end -= 1
        if quality_end - quality != length:
            cut = last and next_record > end and quality_end - quality < length
            return found, position, CUT_SHORT if cut else LENGTHS_DIFFER
        low, high = _quality_range(text, quality, length)
        if low < lowest or high > 126:
            return found, position, BAD_QUALITY
        span[0] = min(span[0], low)
        span[1] = max(span[1], high)
        records[found, HEAD] = head + 1
        records[found, HEAD_LENGTH] = _head_length(text, head + 1, head_end)
        records[found, SEQUENCE] = sequence
        records[found, LENGTH] = length
        records[found, QUALITY] = quality
        found += 1
        position = min(next_record, end)
    return found, position, OK
