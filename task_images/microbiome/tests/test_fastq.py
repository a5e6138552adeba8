"""The FASTQ reader: everything valid is read, everything else is refused with the record's number."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from microbiome import fastq
from microbiome.errors import BadSample
from microbiome.kernels.parse import LENGTH, QUALITY, SEQUENCE

Write = Callable[..., Path]
GOOD = b"@r1 1:N:0\nACGTN\n+\nIIII#\n@r2\nAC\n+r2\n!~\n@r3\nA\n+\n@\n"


def read_all(path: Path) -> list[tuple[bytes, bytes]]:
    """Sequences and qualities of a file, through the reader under test."""
    found = []
    for block in fastq.blocks(path, path.name):
        for record in block.records:
            sequence, quality, length = record[SEQUENCE], record[QUALITY], record[LENGTH]
            text = block.text
            found.append((text[sequence : sequence + length].tobytes(), text[quality : quality + length].tobytes()))
    return found


EXPECTED = [(b"ACGTN", b"IIII#"), (b"AC", b"!~"), (b"A", b"@")]


@pytest.mark.parametrize(
    "content",
    [GOOD, GOOD.rstrip(b"\n"), GOOD.replace(b"\n", b"\r\n"), GOOD + b"\n\n"],
    ids=["plain", "no final line feed", "carriage returns", "blank lines at the end"],
)
@pytest.mark.parametrize("name", ["a.fastq", "a.fastq.gz"])
def test_valid_files_are_read(fastq_file: Write, content: bytes, name: str) -> None:
    assert read_all(fastq_file(content, name)) == EXPECTED


def test_several_gzip_members_are_one_file(tmp_path: Path) -> None:
    path = tmp_path / "a.fastq.gz"
    path.write_bytes(gzip.compress(GOOD[:30]) + gzip.compress(GOOD[30:]))
    assert read_all(path) == EXPECTED


def test_compression_is_known_by_content_not_by_name(tmp_path: Path) -> None:
    path = tmp_path / "a.fastq"
    path.write_bytes(gzip.compress(GOOD))
    assert read_all(path) == EXPECTED


@pytest.mark.parametrize(
    ("content", "record", "reason"),
    [
        (b"ACGT\n", 1, "does not begin with '@'"),
        (GOOD + b"r4\nA\n+\nI\n", 4, "does not begin with '@'"),
        (GOOD + b"@r4\nACXT\n+\nIIII\n", 4, "other than A, C, G, T, N"),
        (GOOD + b"@r4\nAC GT\n+\nIIIII\n", 4, "other than A, C, G, T, N"),
        (GOOD + b"@r4\nACGT\n+\nIII\n@r5\nA\n+\nI\n", 4, "different lengths"),
        (GOOD + b"@r4\nACGT\n+\nIIIII\n", 4, "different lengths"),
        (GOOD + b"@r4\nACGT\n-\nIIII\n", 4, r"does not begin with '\+'"),
        (GOOD + b"@r4\nACGT\nACGT\n+\nIIII\nIIII\n", 4, r"does not begin with '\+'"),
        (GOOD + b"@r4\nACGT\n+\nII\x01I\n", 4, "no score"),
        (GOOD + b"@r4\n\n+\n\n", 4, "empty"),
        (GOOD + b"@r4\nAC", 4, "ends in the middle"),
        (GOOD + b"@r4\nACGT\n+\nII", 4, "ends in the middle"),
        (GOOD + b"@r4\n" + b"A" * 10_001 + b"\n+\n" + b"I" * 10_001 + b"\n", 4, "longer than"),
        (b"@" + b"x" * 600_000, 1, "ends in the middle|no complete record"),
        (b"@r1\n" + b"A" * 3_000_000, 1, "no complete record"),
        (b"\x00" * 100, 1, "does not begin with '@'"),
    ],
)
@pytest.mark.parametrize("name", ["a.fastq", "a.fastq.gz"])
def test_faulty_record_is_named(fastq_file: Write, content: bytes, record: int, reason: str, name: str) -> None:
    with pytest.raises(BadSample, match=reason) as caught:
        read_all(fastq_file(content, name))
    assert (caught.value.file, caught.value.record) == (name, record)


def test_truncated_gzip(tmp_path: Path) -> None:
    path = tmp_path / "a.fastq.gz"
    path.write_bytes(gzip.compress(GOOD * 5000)[:-200])
    with pytest.raises(BadSample, match="truncated gzip"):
        read_all(path)


def test_garbage_after_the_magic_number(tmp_path: Path) -> None:
    path = tmp_path / "a.fastq.gz"
    path.write_bytes(b"\x1f\x8b" + b"garbage" * 40)
    with pytest.raises(BadSample, match="corrupt gzip"):
        read_all(path)


def test_empty_file(fastq_file: Write) -> None:
    with pytest.raises(BadSample, match="0 bytes"):
        read_all(fastq_file(b"", "a.fastq"))
    assert read_all(fastq_file(b"", "a.fastq.gz")) == []


def test_old_illumina_scores_are_understood(fastq_file: Write) -> None:
    blocks = list(fastq.blocks(fastq_file(b"@r1\nACGT\n+\nBhhf\n"), "a"))
    assert [block.offset for block in blocks] == [64]
    with pytest.raises(BadSample, match="no score of this file"):
        # 8192 reads make the first block; the 33 comes after it.
        read_all(fastq_file(b"@r1\nACGT\n+\nBhhf\n" * 8192 + b"@r2\nACGT\n+\n#III\n"))


def test_pairs_of_different_number(fastq_file: Write) -> None:
    one, two = fastq_file(GOOD, "a_R1.fastq"), fastq_file(GOOD[: GOOD.index(b"@r3")], "a_R2.fastq")
    with pytest.raises(BadSample, match=r"different read counts: it ends after 2 reads") as caught:
        list(fastq.paired_blocks((one, two), ("R1", "R2")))
    assert (caught.value.file, caught.value.record) == ("R2", 3)
    with pytest.raises(BadSample, match="different read counts") as caught:
        list(fastq.paired_blocks((two, one), ("R1", "R2")))
    assert caught.value.file == "R1"


def oracle(content: bytes) -> list[tuple[bytes, bytes]] | None:
    """The same format, read line by line; None if it is not valid."""
    lines = content.replace(b"\r\n", b"\n").split(b"\n")
    while lines and not lines[-1]:
        lines.pop()
    found = []
    if len(lines) % 4:
        return None
    for head, sequence, plus, quality in zip(*[iter(lines)] * 4, strict=True):
        good = head[:1] == b"@" and plus[:1] == b"+" and len(sequence) == len(quality) > 0
        if not good or set(sequence) - set(b"ACGTNacgtn") or any(not 33 <= score <= 126 for score in quality):
            return None
        found.append((sequence, quality))
    return found


record = st.tuples(st.text("abc /1", max_size=6), st.text("ACGTNacgt", min_size=1, max_size=40), st.randoms())
valid = st.lists(record, max_size=12).map(
    lambda rows: b"".join(
        f"@{name}\n{bases}\n+\n{''.join(random.choice('!#I@+~') for _ in bases)}\n".encode()
        for name, bases, random in rows
    )
)
spoiled = st.builds(
    lambda content, place, length, junk: content[: (p := place % (len(content) + 1))] + junk + content[p + length :],
    valid, st.integers(0, 2000), st.integers(0, 9), st.binary(max_size=6).filter(lambda junk: b"\r" not in junk),
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(content=st.one_of(valid, spoiled, st.binary(max_size=200).filter(lambda content: b"\r" not in content)))
@example(content=b"@\nA\n+\n+")
@example(content=b"@\nA\n+\n\n")
def test_any_bytes_are_read_as_the_oracle_reads_them_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "a.fastq"
    path.write_bytes(b"@first\nA\n+\n#\n" + content)
    expected = oracle(b"@first\nA\n+\n#\n" + content)
    if expected is None:
        with pytest.raises(BadSample):
            read_all(path)
    else:
        assert read_all(path) == expected


@settings(max_examples=60, deadline=None)
@given(content=valid, chunk=st.integers(7, 60))
def test_block_boundaries_change_nothing(tmp_path_factory: pytest.TempPathFactory, content: bytes, chunk: int) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "a.fastq"
    path.write_bytes(GOOD + content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fastq, "CHUNK_BYTES", chunk)
        patch.setattr(fastq, "RECORDS_PER_BLOCK", 3)
        assert read_all(path) == oracle(GOOD + content)


@settings(max_examples=80, deadline=None)
@given(content=valid, cut=st.integers(1, 400), flip=st.integers(0, 10_000))
def test_damaged_gzip_never_loses_reads_silently(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, cut: int, flip: int
) -> None:
    packed = bytearray(gzip.compress(GOOD + content, mtime=0))
    path = tmp_path_factory.mktemp("fuzz") / "a.fastq.gz"
    path.write_bytes(packed[: -min(cut, len(packed) - 2)])
    with pytest.raises(BadSample):
        read_all(path)
    # Bytes 4-9 of the header (time, flags, system) carry no data and no checksum.
    place = 10 + flip % (len(packed) - 10)
    packed[place] ^= 0x55
    path.write_bytes(packed)
    with pytest.raises(BadSample):
        read_all(path)
