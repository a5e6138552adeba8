"""Peak memory: the container's own count where there is one, else that of the processes."""

from pathlib import Path

from microbiome.memory import peak_memory_mib


def test_the_count_of_the_container_is_preferred(tmp_path: Path) -> None:
    peak = tmp_path / "memory.peak"
    peak.write_text("367001600\n")
    assert peak_memory_mib((tmp_path / "absent", peak)) == 350.0


def test_without_a_count_it_is_that_of_the_processes(tmp_path: Path) -> None:
    hoard = bytearray(64 * 2**20)
    assert peak_memory_mib((tmp_path / "absent",)) > len(hoard) / 2**20
