"""task.toml: what is accepted, and what a person reads when it is not."""

from pathlib import Path

import pytest

from platform_spec.batch import capacities, kind_of
from platform_spec.errors import SpecError
from platform_spec.tasks import load_dag_access, load_tasks

TASK = """
purpose = "16S amplicon analysis"
owner = "bioinformatics"
architecture = "arm64"
result_version = 1
timeout_minutes = 120
stop_timeout_seconds = 30
spot = true
[sizes.batch]
cpu_units = 1024
memory_mib = 2048
storage_gib = 20
grows_to = ["batch_large"]
[sizes.batch_large]
cpu_units = 2048
memory_mib = 8192
[access]
read = ["raw/"]
write = ["results/", "runs/microbiome/"]
secrets = []
"""


def write_task(root: Path, text: str, name: str = "microbiome") -> Path:
    folder = root / "task_images" / name
    folder.mkdir(parents=True)
    (folder / "task.toml").write_text(text)
    return root


def problems_of(root: Path, text: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        load_tasks(write_task(root, text))
    return [str(problem) for problem in caught.value.problems]


def test_a_task_is_read_as_declared(tmp_path: Path) -> None:
    task = load_tasks(write_task(tmp_path, TASK))["microbiome"]
    assert (task.name, task.default_size, task.timeout_minutes, task.spot) == ("microbiome", "batch", 120, True)
    assert list(task.sizes) == ["batch", "batch_large"]
    assert task.sizes["batch"].grows_to == ("batch_large",)
    assert task.sizes["batch_large"].storage_gib == 20
    assert task.access.write == ("results/", "runs/microbiome/")


def test_no_tasks_is_no_error(tmp_path: Path) -> None:
    assert load_tasks(tmp_path) == {}


def test_unknown_key_names_what_was_meant(tmp_path: Path) -> None:
    [problem] = problems_of(tmp_path, TASK.replace("timeout_minutes = 120", "timeout_minutes = 120\nspott = true"))
    assert problem.startswith("task_images/microbiome/task.toml: spott = true: unknown key; allowed: access, ")
    assert problem.endswith("fix: did you mean spot?")


def test_impossible_size_names_the_nearest(tmp_path: Path) -> None:
    [problem] = problems_of(tmp_path, TASK.replace("memory_mib = 2048", "memory_mib = 3000"))
    assert problem == (
        "task_images/microbiome/task.toml: sizes.batch.memory_mib = 3000: not valid with cpu_units 1024; "
        "allowed: 2048 to 8192 in steps of 1024; fix: use 3072"
    )


def test_all_problems_of_all_files_at_once(tmp_path: Path) -> None:
    write_task(tmp_path, TASK.replace('owner = "bioinformatics"\n', "").replace("= 1024", "= 1000"), "first")
    write_task(tmp_path, TASK.replace("storage_gib = 20", "storage_gib = 500"), "second")
    with pytest.raises(SpecError) as caught:
        load_tasks(tmp_path)
    found = {(problem.file, problem.key) for problem in caught.value.problems}
    assert found == {
        ("task_images/first/task.toml", "owner"),
        ("task_images/first/task.toml", "sizes.batch.cpu_units"),
        ("task_images/second/task.toml", "sizes.batch.storage_gib"),
    }
    assert str(caught.value).startswith("3 problems:\n")


@pytest.mark.parametrize(
    ("change", "by", "key", "fix"),
    [
        (
            'grows_to = ["batch_large"]',
            'grows_to = ["batch_larg"]',
            "sizes.batch.grows_to",
            "did you mean batch_large?",
        ),
        ('grows_to = ["batch_large"]', 'grows_to = ["batch"]', "sizes.batch.grows_to", "more memory"),
        ('read = ["raw/"]', 'read = ["raw"]', "access.read", 'end it with "/"'),
        ('read = ["raw/"]', 'read = ["../"]', "access.read", 'end it with "/"'),
        ('read = ["raw/"]', 'read = ["*"]', "access.read", 'end it with "/"'),
        ("secrets = []", 'secrets = ["api_key"]', "access.secrets", "use API_KEY"),
        ('"arm64"', '"arm"', "architecture", "use arm64"),
        (
            "stop_timeout_seconds = 30",
            "stop_timeout_seconds = 300",
            "stop_timeout_seconds",
            "stop_timeout_seconds = 30",
        ),
        ("timeout_minutes = 120", 'timeout_minutes = "120"', "timeout_minutes", "timeout_minutes = 120"),
        ("spot = true", 'spot = true\nname = "other"', "name", "remove the key"),
    ],
)
def test_each_problem_has_key_allowed_values_and_fix(tmp_path: Path, change: str, by: str, key: str, fix: str) -> None:
    assert change in TASK
    with pytest.raises(SpecError) as caught:
        load_tasks(write_task(tmp_path, TASK.replace(change, by)))
    [problem] = caught.value.problems
    assert problem.key == key
    assert problem.value is not None
    assert fix in problem.fix


def test_folder_name_must_be_a_task_name(tmp_path: Path) -> None:
    write_task(tmp_path, TASK, "My-Task")
    with pytest.raises(SpecError, match="rename the folder"):
        load_tasks(tmp_path)


def test_broken_toml_names_line_and_file(tmp_path: Path) -> None:
    [problem] = problems_of(tmp_path, "purpose = \n")
    assert problem.startswith("task_images/microbiome/task.toml: not valid TOML")
    assert "line 1" in problem


def test_what_the_dags_may_do(tmp_path: Path) -> None:
    (tmp_path / "dags").mkdir()
    path = tmp_path / "dags" / "access.toml"
    path.write_text('[access]\nread = ["raw/"]\nwrite = ["fanout/"]\n')
    assert load_dag_access(tmp_path).write == ("fanout/",)
    path.unlink()
    with pytest.raises(SpecError, match="cannot be read"):
        load_dag_access(tmp_path)


BATCH = TASK.replace("spot = true", 'spot = true\nlane = "batch"')


def test_the_lane_batch_runs_on_fargate_or_on_instances(tmp_path: Path) -> None:
    task = load_tasks(write_task(tmp_path, BATCH))["microbiome"]
    assert kind_of(task) == "fargate"
    [fargate] = capacities([task], spot=True)
    assert (fargate.spot, fargate.instance_types, fargate.storage_gib) == (True, (), 20)
    assert capacities([task], spot=False)[0].spot is False
    on_gpu = BATCH.replace('"arm64"', '"x86_64"').replace(
        "memory_mib", 'instance_type = "g5.xlarge"\ngpus = 1\nmemory_mib'
    )
    gpu = load_tasks(write_task(tmp_path / "gpu", on_gpu))["microbiome"]
    assert [(one.kind, one.instance_types, one.gpu) for one in capacities([gpu], spot=True)] == [
        ("gpu-x86-64", ("g5.xlarge",), True)
    ]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("stop_timeout_seconds = 30", "stop_timeout_seconds = 90", "a Batch job gets 30 seconds to stop"),
        ("cpu_units = 2048", 'instance_type = "m7g.xlarge"\ncpu_units = 2048', "a job runs on Fargate or on EC2"),
    ],
)
def test_what_batch_would_refuse_is_refused_first(tmp_path: Path, old: str, new: str, problem: str) -> None:
    assert problem in "\n".join(problems_of(tmp_path, BATCH.replace(old, new)))


def test_batch_counts_whole_vcpus_on_instances(tmp_path: Path) -> None:
    text = BATCH.replace("memory_mib", 'instance_type = "m7g.xlarge"\nmemory_mib').replace(
        "cpu_units = 1024", "cpu_units = 1500"
    )
    [problem] = problems_of(tmp_path, text)
    assert "sizes.batch.cpu_units" in problem
    assert "use 2048" in problem


@pytest.mark.parametrize("lane", ["docker", "kubernetes"])
def test_what_a_container_that_aws_does_not_start_cannot_have(lane: str, tmp_path: Path) -> None:
    task = TASK.replace("spot = true", f'spot = true\nlane = "{lane}"').replace("secrets = []", 'secrets = ["KEY"]')
    secrets, spot = sorted(problems_of(tmp_path, task))
    assert f"lane {lane} injects no secrets" in secrets
    assert f"lane {lane} has no Spot capacity" in spot
    assert 'remove it, or set lane = "fargate"' in secrets
