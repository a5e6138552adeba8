"""RunVirtualenv with a real environment: built by pip from wheels in S3 (a dictionary here), run, and reused."""

import ensurepip
import hashlib
import io
import json
import zipfile
from pathlib import Path
from types import SimpleNamespace

import boto3
import pytest
from airflow.exceptions import AirflowException, AirflowFailException
from botocore.exceptions import ClientError

from lanes import run_task
from lanes.attempts.launch import LaunchError
from lanes.virtualenv import operator
from platform_spec.virtualenvs import Bundle, Wheel, bundle_key
from tests.dags.lanes_airflow.conftest import ON_A_WORKER

PROGRAM = """
import os, sys
import greeting
print("AIRFLOW variables:", [name for name in os.environ if "AIRFLOW" in name], "secret" in str(os.environ))
print(greeting.WORDS, os.environ["AWS_ACCESS_KEY_ID"], os.getcwd() == os.environ["TMPDIR"])
if sys.argv[1] == "raise":
    raise KeyError("dose")
if sys.argv[1] == "bad":
    sys.exit(2)
"""


class Store(dict):
    """S3, as far as the lane uses it."""

    class exceptions:
        class NoSuchKey(ClientError):
            pass

    def get_object(self, Bucket, Key):
        if Key not in self:
            raise self.exceptions.NoSuchKey({"Error": {"Code": "NoSuchKey", "Message": Key}}, "GetObject")
        return {"Body": io.BytesIO(self[Key]), "ContentLength": len(self[Key])}


def archive(files: dict[str, str]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as zipped:
        for name, text in files.items():
            zipped.writestr(name, text)
    return made.getvalue()


def wheel(file: str, content: bytes) -> Wheel:
    return Wheel(file=file, sha256=hashlib.sha256(content).hexdigest(), size=len(content))


@pytest.fixture
def store(manifest, monkeypatch, tmp_path) -> Store:
    """A bucket with the bundle of `least_squares`, which needs the package `greeting`."""
    about = "greeting-1.0.dist-info/"
    greeting = archive(
        {
            "greeting.py": 'WORDS = "from a wheel"\n',
            about + "METADATA": "Metadata-Version: 2.1\nName: greeting\nVersion: 1.0\n",
            about + "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            about + "RECORD": "",
        }
    )
    [pip] = (Path(ensurepip.__file__).parent / "_bundled").glob("pip-*.whl")
    wheels = [wheel("greeting-1.0-py3-none-any.whl", greeting)]
    source = archive({"least_squares/__init__.py": "", "least_squares/__main__.py": PROGRAM})
    bundle = Bundle(
        task="least_squares",
        tag="src-1",
        source_sha256=hashlib.sha256(source).hexdigest(),
        requirements=f"greeting==1.0 --hash=sha256:{wheels[0].sha256}\n",
        pip=wheel(pip.name, pip.read_bytes()),
        wheels=tuple(wheels),
    )
    kept = Store({bundle.source_key: source, bundle_key("least_squares", "src-1"): bundle.to_json()})
    kept |= {wheels[0].key: greeting, bundle.pip.key: pip.read_bytes()}
    manifest(tasks={"least_squares": ON_A_WORKER})
    session = {"AccessKeyId": "role-key", "SecretAccessKey": "s", "SessionToken": "t"}
    sts = SimpleNamespace(assume_role=lambda **asked: {"Credentials": session})
    monkeypatch.setattr(boto3, "client", lambda service, **_: {"s3": kept, "sts": sts}[service])
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "secret")
    kept_class = operator.Environments
    monkeypatch.setattr(operator, "Environments", lambda: kept_class(tmp_path / "environments"))
    return kept


class Context(dict):
    def __init__(self) -> None:
        self.xcoms: dict = {}
        names = {"dag_id": "d", "run_id": "r", "task_id": "fit", "map_index": -1, "try_number": 1, "id": "i"}
        push = lambda key, value: self.xcoms.update({key: value})  # noqa: E731
        ti = SimpleNamespace(**names, max_tries=1, xcom_push=push)
        super().__init__(ti=ti, dag_run=SimpleNamespace(start_date=1, run_after=2, conf={}))


def run(command: str, **arguments):
    task = run_task("least_squares", task_id="fit", command=[command], **arguments)
    lines: list[str] = []
    task._show = lines.append
    context = Context()
    try:
        return task.execute(context), lines, context.xcoms
    except AirflowException as error:
        return error, lines, context.xcoms


def test_the_program_runs_in_its_own_packages_role_and_environment(store) -> None:
    result, lines, xcoms = run("fine", result=False)
    assert result is None
    assert lines == ["AIRFLOW variables: [] False", "from a wheel role-key True"]
    assert xcoms["lanes_run"]["build_seconds"] > 0
    store.clear()  # from here on nothing can be fetched but the bundle itself
    assert "virtualenvs publish" in str(run("fine", result=False)[0])


def test_the_second_run_finds_the_environment_and_a_result_document_is_looked_at(store, tmp_path) -> None:
    assert run("fine", result=False)[2]["lanes_run"]["outcome"] == "success"
    error, _, xcoms = run("fine")
    assert xcoms["lanes_run"]["build_seconds"] == 0
    assert str(error).startswith("result: exit code 0: no result document at s3://data/runs/least_squares/d/r/fit/-1/1")
    store["runs/least_squares/d/r/fit/-1/1.json"] = json.dumps({"rows": 3}).encode()
    assert run("fine")[0] == "s3://data/runs/least_squares/d/r/fit/-1/1.json"


def test_the_users_exception_comes_first_and_bad_input_is_not_retried(store) -> None:
    error, _, xcoms = run("raise")
    assert str(error).splitlines()[0] == "error: exit code 1: KeyError: 'dose'"
    assert "Traceback (most recent call last):" in str(error)
    assert not isinstance(error, AirflowFailException)
    assert xcoms["lanes_run"]["outcome"] == "error"
    assert isinstance(run("bad")[0], AirflowFailException)


def test_a_wheel_that_somebody_replaced_is_not_installed(store) -> None:
    for key in [key for key in store if "greeting" in key]:
        store[key] += b"more"
    error = run("fine")[0]
    assert str(error).startswith("start: s3://dags/wheels/")
    assert "somebody replaced it" in str(error)


def test_a_worker_has_no_sizes(store) -> None:
    with pytest.raises(
        ValueError, match=r"size='large': lane virtualenv runs on the worker and has none; leave it out"
    ):
        run_task("least_squares", command=["x"], size="large")


def test_what_no_lane_takes_is_refused_when_the_dag_is_parsed(store) -> None:
    with pytest.raises(LaunchError, match="may not set AWS_ACCESS_KEY_ID"):
        run_task("least_squares", command=["x"], environment={"AWS_ACCESS_KEY_ID": "mine"})
    with pytest.raises(LaunchError, match=r"must be a list of strings, not 'fit raw/x'; write \['fit', 'raw/x'\]"):
        run_task("least_squares", command="fit raw/x")


def test_a_template_that_gives_no_list_of_words_runs_nothing(store) -> None:
    task = run_task("least_squares", task_id="fit", command="{{ params.words }}")
    task.command = "fit raw/x"  # as Airflow renders it
    with pytest.raises(AirflowFailException, match="command must be a list of strings, not 'fit raw/x'"):
        task.execute(Context())
