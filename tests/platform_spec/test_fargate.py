"""The size table against the ECS developer guide, and the advice given for what it does not hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platform_spec.fargate import MEMORY_MIB, check_size


def test_every_size_of_the_table_is_accepted() -> None:
    assert [check_size(cpu, memory, 20) for cpu in MEMORY_MIB for memory in MEMORY_MIB[cpu]] == [[]] * sum(
        map(len, MEMORY_MIB.values())
    )


@pytest.mark.parametrize(
    ("cpu", "smallest", "largest", "count"),
    [(256, 512, 2048, 3), (4096, 8192, 30720, 23), (8192, 16384, 61440, 12), (16384, 32768, 122880, 12)],
)
def test_rows_of_the_guide(cpu: int, smallest: int, largest: int, count: int) -> None:
    assert (MEMORY_MIB[cpu][0], MEMORY_MIB[cpu][-1], len(MEMORY_MIB[cpu])) == (smallest, largest, count)


@pytest.mark.parametrize(
    ("cpu", "memory", "storage", "key", "fix"),
    [
        (1024, 3000, 20, "memory_mib", "use 3072"),
        (1024, 512, 20, "memory_mib", "use 2048"),
        (1024, 9000, 20, "memory_mib", "use cpu_units = 2048 with memory_mib = 9216, or memory_mib = 8192"),
        (16384, 200000, 20, "memory_mib", "use 122880; Fargate's largest memory is 122880 (cpu_units = 16384)"),
        (1000, 2048, 20, "cpu_units", "use 1024"),
        (99999, 2048, 20, "cpu_units", "use 16384"),
        (1024, 2048, 10, "storage_gib", "use 20"),
        (1024, 2048, 201, "storage_gib", "use 200"),
    ],
)
def test_advice(cpu: int, memory: int, storage: int, key: str, fix: str) -> None:
    [finding] = check_size(cpu, memory, storage)
    assert (finding.key, finding.fix) == (key, fix)


@given(cpu=st.sampled_from(sorted(MEMORY_MIB)), memory=st.integers(1, 122880))
def test_advice_within_a_row_is_itself_valid_and_not_smaller(cpu: int, memory: int) -> None:
    for finding in check_size(cpu, memory, 20):
        if finding.fix.startswith("use ") and finding.fix[4:].isdigit():
            advised = int(finding.fix[4:])
            assert check_size(cpu, advised, 20) == []
            assert advised >= memory
