"""Environments on disk: built once whoever comes, never seen half built, bounded, and never taken from under a user."""

import multiprocessing
import time
from pathlib import Path

import pytest

from lanes.virtualenv.cache import Environments, NoRoom, size_of

MIB = 1024**2


def builds(folder: Path, log: Path, size: int = 10) -> None:
    time.sleep(0.2)
    (folder / "content").write_bytes(b"x" * size)
    with log.open("a") as lines:
        lines.write("built\n")


def use_it(root: Path, log: Path) -> None:
    with Environments(root).use("a", 1, lambda folder: builds(folder, log)) as ready:
        assert (ready.path / "content").exists()


def test_many_processes_build_it_once(tmp_path: Path) -> None:
    log = tmp_path / "log"
    spawn = multiprocessing.get_context("fork")
    processes = [spawn.Process(target=use_it, args=(tmp_path / "root", log)) for _ in range(6)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 6
    assert log.read_text() == "built\n"


def test_what_a_killed_builder_left_is_built_anew(tmp_path: Path) -> None:
    environments = Environments(tmp_path)
    (tmp_path / "a.building").mkdir()
    (tmp_path / "a.building/half").write_text("")
    with environments.use("a", 1, lambda folder: builds(folder, tmp_path / "log.txt")) as ready:
        assert [path.name for path in ready.path.iterdir()] == ["content"]
        assert ready.build_seconds > 0


def test_a_build_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").write_text("")
        raise RuntimeError("no such wheel")

    with pytest.raises(RuntimeError, match="no such wheel"), Environments(tmp_path).use("a", 1, fail):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["a.lock"]


def test_the_least_recently_used_goes_and_what_is_in_use_stays(tmp_path: Path) -> None:
    environments = Environments(tmp_path, most_bytes=10 * MIB)

    def make(name: str) -> None:
        with environments.use(name, MIB // 2, lambda folder: builds(folder, tmp_path / "log.txt", 4 * MIB)):
            time.sleep(0.01)

    make("old")
    make("older_but_used")
    with environments.use("older_but_used", 1, lambda folder: None) as ready:
        make("new")
        assert size_of(ready.path) == 4 * MIB
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == {"older_but_used", "new"}


def test_a_full_disk_is_said_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(NoRoom, match=r"a needs about \d+ MiB: give the task a container"):
        Environments(tmp_path).use("a", 10**15, lambda folder: None).__enter__()
    assert not (tmp_path / "a.building").exists()
