"""Lane ec2 in task.toml: what fits on an instance, and what a person reads when it does not."""

from pathlib import Path

import pytest

from platform_spec import ec2
from platform_spec.errors import SpecError
from platform_spec.tasks import load_tasks

TASK = """
purpose = "trains on a GPU"
owner = "platform"
lane = "ec2"
architecture = "x86_64"
timeout_minutes = 60
[sizes.gpu]
cpu_units = 4096
memory_mib = 14336
gpus = 1
instance_type = "g4dn.xlarge"
storage_gib = 300
grows_to = ["big"]
[sizes.big]
cpu_units = 16384
memory_mib = 60000
gpus = 1
instance_type = "g5.4xlarge"
"""


def load(root: Path, text: str) -> object:
    folder = root / "task_images" / "train"
    folder.mkdir(parents=True)
    (folder / "task.toml").write_text(text)
    return load_tasks(root)["train"]


def test_a_task_with_gpus_is_read_as_declared(tmp_path: Path) -> None:
    task = load(tmp_path, TASK)
    assert [(s.instance_type, s.gpus) for s in task.sizes.values()] == [("g4dn.xlarge", 1), ("g5.4xlarge", 1)]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("change", "by", "key", "words"),
    [
        ("cpu_units = 4096", "cpu_units = 8192", "sizes.gpu.cpu_units", "use 4096, or a larger instance type"),
        ("memory_mib = 14336", "memory_mib = 16384", "sizes.gpu.memory_mib", "or a larger instance type"),
        ('gpus = 1\ninstance_type = "g4dn', 'gpus = 2\ninstance_type = "g4dn', "sizes.gpu.gpus", "use 1"),
        ("g4dn.xlarge", "G4DN", "sizes.gpu.instance_type", "for example g4dn.xlarge"),
        ("g4dn.xlarge", "g5g.xlarge", "sizes.gpu.instance_type", 'architecture = "arm64"'),
        ("storage_gib = 300", "storage_gib = 3000", "sizes.gpu.storage_gib", "use 2000"),
        ('lane = "ec2"', 'lane = "ec2"\nspot = true', "spot", "remove it"),
        ('gpus = 1\ninstance_type = "g5', 'instance_type = "g5', "sizes", "make two tasks of it"),
    ],
)
def test_each_problem_has_its_key_and_fix(tmp_path: Path, change: str, by: str, key: str, words: str) -> None:
    assert change in TASK
    with pytest.raises(SpecError) as caught:
        load(tmp_path, TASK.replace(change, by))
    [problem] = caught.value.problems
    assert (problem.key, words in problem.fix) == (key, True), str(problem)


def test_gpus_belong_to_lane_ec2(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        load(tmp_path, TASK.replace('lane = "ec2"\n', ""))
    assert {p.key for p in caught.value.problems} == {"sizes.gpu.instance_type", "sizes.big.instance_type"}
    assert 'set lane = "ec2"' in str(caught.value)


@pytest.mark.parametrize(
    ("instance_type", "architecture"),
    [
        ("g4dn.xlarge", "x86_64"),
        ("m7g.large", "arm64"),
        ("c7gn.xlarge", "arm64"),
        ("a1.large", "arm64"),
        ("r7i.large", "x86_64"),
    ],
)
def test_the_processor_follows_from_the_name(instance_type: str, architecture: str) -> None:
    assert ec2.architecture(instance_type) == architecture


def test_a_type_that_is_not_known_is_not_measured() -> None:
    assert ec2.check_size(500_000, 5_000_000, 100, 16, "p9x.96xlarge") == []
