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
def _only_blank_lines(text: np.ndarray, start: int, end: int) -> bool:
    for i in range(start, end):  # noqa: SIM110 (numba would make all() slower)
        if text[i] != NEWLINE and text[i] != RETURN:
            return False
    return True


@njit(cache=True, nogil=True)
def _sequence_line(text: np.ndarray, start: int, end: int) -> tuple[int, int, int]:
    """(length, begin of the next line, error code) of the bases from `start` on; -1: more text is needed."""
    i = start
    while i < end and CODE[text[i]] < 5:
        i += 1
    length = i - start
    if i < end and text[i] == RETURN:
        i += 1
    if i >= end:
        return length, -1, OK
    if text[i] != NEWLINE:
        return length, i, BAD_BASE
    if length == 0:
        return length, i, EMPTY_READ
    return length, i + 1, TOO_LONG if length > MAX_READ else OK


@njit(cache=True, nogil=True)
def _quality_line(
    text: np.ndarray, start: int, end: int, last: bool, length: int, lowest: int, span: np.ndarray
) -> tuple[int, int]:
    """(begin of the next record, error code) of the scores from `start` on; widens `span`."""
    line_end = _line_end(text, start, end)
    if line_end < 0:
        if not last:
            return -1, OK
        line_end = end
    next_record = line_end + 1
    if line_end > start and text[line_end - 1] == RETURN:
        line_end -= 1
    if line_end - start != length:
        cut = last and next_record > end and line_end - start < length
        return start, CUT_SHORT if cut else LENGTHS_DIFFER
    low, high = _quality_range(text, start, length)
    if low < lowest or high > 126:
        return start, BAD_QUALITY
    span[0] = min(span[0], low)
    span[1] = max(span[1], high)
    return min(next_record, end), OK


@njit(cache=True, nogil=True)
def _parse_record(
    text: np.ndarray, head: int, end: int, last: bool, lowest: int, record: np.ndarray, span: np.ndarray
) -> tuple[int, int]:
    """(begin of the next record, error code); -1 and OK: the record goes on beyond `end`."""
    if text[head] != AT:
        return head, NO_AT
    head_end = _line_end(text, head, end)
    if head_end < 0:
        return -1, OK
    length, plus, code = _sequence_line(text, head_end + 1, end)
    if plus < 0 or code != OK:
        return plus, code
    if plus < end and text[plus] != PLUS:
        return plus, NO_PLUS
    plus_end = _line_end(text, plus, end)
    if plus_end < 0:
        return -1, OK
    record[HEAD] = head + 1
    record[HEAD_LENGTH] = _head_length(text, head + 1, head_end)
    record[SEQUENCE] = head_end + 1
    record[LENGTH] = length
    record[QUALITY] = plus_end + 1
    return _quality_line(text, plus_end + 1, end, last, length, lowest, span)


@njit(cache=True, nogil=True)
def parse(
    text: np.ndarray, end: int, last: bool, lowest: int, records: np.ndarray, span: np.ndarray
) -> tuple[int, int, int]:
    """Records in text[:end]; `last` says that the file ends there, with or without a line feed.

    `lowest` is the lowest quality character that is allowed. Fills `records` (n x FIELDS) and widens `span` (lowest and
    highest quality character seen). Returns (records found, bytes used, error code); the record after the last good one
    is the faulty one.
    """
    position = 0
    for found in range(records.shape[0]):
        if position >= end or (last and _only_blank_lines(text, position, end)):
            return found, end if last else position, OK
        next_record, code = _parse_record(text, position, end, last, lowest, records[found], span)
        if code != OK:
            return found, position, code
        if next_record < 0:
            return found, position, CUT_SHORT if last else OK
        position = next_record
    return records.shape[0], position, OK
