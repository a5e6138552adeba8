"""What a container would run, read from its Dockerfile."""

from pathlib import Path

import pytest

from local.aws.ecs.dockerfile import DockerfileError, ImagePlan, read_plan


def plan(tmp_path: Path, text: str) -> ImagePlan:
    (tmp_path / "src").mkdir(exist_ok=True)
    (tmp_path / "Dockerfile").write_text(text)
    return read_plan(tmp_path / "Dockerfile")


def test_the_last_stage_counts_with_the_stages_it_is_built_from(tmp_path: Path) -> None:
    found = plan(
        tmp_path,
        """
        ARG BASE=python
        FROM ${BASE} AS common
        ENV A=1 B="two words"
        FROM ${BASE} AS build
        ENV C=3
        ENTRYPOINT ["make"]
        FROM common
        ENV D=${A}/x
        CMD ["serve"]
        """,
    )
    assert found.environment == {"A": "1", "B": "two words", "D": "1/x"}
    assert (found.entry_point, found.command) == ((), ("serve",))


def test_paths_are_translated_by_what_copy_brought(tmp_path: Path) -> None:
    text = 'FROM x\nWORKDIR /app\nWORKDIR lib\nCOPY src/ ./code/\nCOPY run.py other.py /bin/\nENTRYPOINT ["a"]\n'
    found = plan(tmp_path, text + "COPY --from=build /opt /opt\n")
    assert found.working_directory == "/app/lib"
    assert found.local_path("/app/lib/code/m.py") == tmp_path / "src/m.py"
    assert found.local_path("/bin/run.py") == tmp_path / "run.py"
    assert found.local_path("/opt/venv") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("FROM x\nENTRYPOINT python -m task\n", "shell form"),
        ("FROM x\nENV A=1\n", "neither ENTRYPOINT nor CMD"),
    ],
)
def test_what_cannot_be_run_without_a_shell_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DockerfileError, match=message):
        plan(tmp_path, text)
