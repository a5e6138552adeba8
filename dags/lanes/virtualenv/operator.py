"""RunVirtualenv: light Python on the worker, with requirements of its own. See docs/adr/0013-virtualenv-lane.md."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from lanes.airflow_errors import AirflowException, AirflowFailException
from lanes.attempts.failures import NOT_RETRIED, Failure, Kind
from lanes.attempts.identity import Attempt
from lanes.attempts.lane_request import check_order, refuse_reserved, result_uri, words
from lanes.attempts.launch import LaunchError, refuse_command
from lanes.this_deployment import deployment
from lanes.virtualenv.cache import Environments, NoRoom
from lanes.virtualenv.process import Finished, Program

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

RUN_FACTS_KEY = "lanes_run"
# Of the worker's environment, what a program needs to reach AWS; everything else is Airflow's.
_PASSED_ON = ("AWS_ENDPOINT_URL", "AWS_CA_BUNDLE", "TZ", "LD_LIBRARY_PATH")


class RunVirtualenv(BaseOperator):
    """Run `python -m <name> <command>` in the environment of the task `name`; the XCom is its result document's URI.

    The program has its own packages, process group, scratch folder and role, and shares the worker's machine, so it has
    no size. It ends at `execution_timeout`, else at task.toml's timeout_minutes. `result=False` where it writes none.
    """

    template_fields: Sequence[str] = ("command", "environment")
    template_fields_renderers = {"command": "json", "environment": "json"}  # noqa: RUF012 (Airflow's interface)
    ui_color = "#e8ecf4"

    def __init__(
        self,
        *,
        name: str,
        command: list[str],
        size: str | None = None,
        environment: dict[str, str] | None = None,
        capacity: str | None = None,
        result: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        for what, value in (("size", size), ("capacity", capacity)):
            if value:
                raise ValueError(
                    f"task {self.task_id!r}: {what}={value!r}: lane virtualenv runs on the worker and has none; leave "
                    f'it out, or set lane = "fargate" and a size in task_images/{name}/task.toml'
                )
        check_order(self.task_id, command, environment)
        self.name = name
        self.command = command
        self.environment = environment or {}
        self.result = result
        self._program: Program | None = None

    def execute(self, context: Context) -> Any:
        """Build or find the environment, run the program, look at its result. Raises by class of failure."""
        import boto3

        from lanes.virtualenv.build import BundleError, build, environment_key, read_bundle
        from lanes.virtualenv.verdict import message, verdict

        here, lane = deployment(), deployment().task(self.name)
        attempt = Attempt.of(context["ti"], context["dag_run"])
        try:
            refuse_reserved(self.task_id, self.environment)
            refuse_command(f"task {self.task_id!r} (lane {self.name!r})", command := words(self.command))
        except LaunchError as error:
            raise AirflowFailException(str(error)) from error
        s3 = boto3.client("s3", region_name=here.region)
        uri = result_uri(here.data_bucket, self.name, attempt) if self.result else None
        timeout = (self.execution_timeout or timedelta(minutes=lane.timeout_minutes)).total_seconds()
        environments = Environments()
        try:
            bundle = read_bundle(s3, lane.bundle_uri)
            key = environment_key(bundle)
            made = environments.use(
                key, bundle.download_bytes, lambda folder: build(s3, here.dag_bucket, bundle, folder)
            )
            with made as ready, _scratch(environments.root) as scratch:
                if ready.build_seconds:
                    self.log.info("environment %s built in %.1f s", key, ready.build_seconds)
                argv = [str(ready.path / "bin/python"), "-m", self.name, *command]
                told = self._told(attempt, uri, scratch, ready.path)
                self._program = Program(argv, told, scratch, lane.stop_timeout_seconds)
                finished = self._program.run(self._show, timeout)
        except (BundleError, NoRoom) as error:
            raise LightTaskFailed(Failure(Kind.START, str(error)).headline) from error
        failure = verdict(finished, timeout)
        if failure is None and uri:
            failure = asyncio.run(_check_result(s3, uri))
        facts = _facts(self.name, key, finished, failure, ready.build_seconds)
        context["ti"].xcom_push(key=RUN_FACTS_KEY, value=facts)
        if failure is None:
            return uri
        error_class = AirflowFailException if failure.kind in NOT_RETRIED else LightTaskFailed
        raise error_class(message(failure, self.name, finished))

    def on_kill(self) -> None:
        """The whole process group goes: cleared, marked or timed out."""
        if self._program:
            self._program.stop()

    def _show(self, line: str) -> None:
        self.log.info("%s", line)

    def _told(self, attempt: Attempt, uri: str | None, scratch: Path, path: Path) -> dict[str, str]:
        """A clean environment: what a container of the task would be told, a folder to write to, its own role."""
        from lanes.virtualenv.credentials import session_variables

        here = deployment()
        return {
            **{name: os.environ[name] for name in _PASSED_ON if name in os.environ},
            **{name: str(value) for name, value in self.environment.items()},
            **attempt.environment,
            **session_variables(here.task(self.name).task_role_arn, here.region, attempt),
            **({"TASKLANE_RESULT_URI": uri} if uri else {}),
            "TASKLANE_ENVIRONMENT": here.environment,
            "TASKLANE_RELEASE": here.release,
            "TASKLANE_LAUNCH": "0",
            "PATH": f"{path / 'bin'}:/usr/bin:/bin",
            "HOME": str(scratch),
            "TMPDIR": str(scratch),
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "PYTHONNOUSERSITE": "1",
        }


class LightTaskFailed(AirflowException):
    """The program failed; Airflow's `retries` decide. The first line names the class of the failure."""


@contextmanager
def _scratch(root: Path) -> Iterator[Path]:
    """A folder for the program's files; those that killed tasks left behind go with it."""
    for old in root.glob("*.scratch"):
        if not Path(f"/proc/{old.name.split('-')[0]}").exists():
            shutil.rmtree(old, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", suffix=".scratch", dir=root))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _check_result(s3: Any, uri: str) -> Failure | None:
    from lanes.attempts.result_document import read_result
    from lanes.aws.calls import AwsCalls

    found = await read_result(AwsCalls({"s3": s3}), uri)
    return found if isinstance(found, Failure) else None


def _facts(name: str, key: str, finished: Finished, failure: Failure | None, build_seconds: float) -> dict[str, Any]:
    """The run in figures, under the names that the other lanes use."""
    return {
        "lane": name,
        "outcome": str(failure.kind) if failure else "success",
        "capacity": "worker",
        "launches": 1,
        "cost_usd": 0.0,  # the worker is paid for whether or not it works
        "seconds": round(finished.seconds, 3),
        "cpu_seconds": round(finished.cpu_seconds, 3),
        **({"most_memory_mib": round(finished.most_memory_mib, 1)} if finished.most_memory_mib else {}),
        "environment": key,
        "build_seconds": round(build_seconds, 3),
    }
