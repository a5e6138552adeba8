"""Starts everything a local environment consists of, watches it, and stops all of it when told or when a part dies."""

import os
import signal
import sys
from pathlib import Path
from types import FrameType

import httpx

from local.airflow.services import begin_migration, start_airflow
from local.events import Events
from local.images import write_images
from local.log_limits import LogLimits
from local.postgres import start_postgres
from local.processes import LocalError, Service, run, start, sweep, wait_until
from local.state import MARKER, ROOT, State
from platform_spec.environments import load_environment

ENVIRONMENT = "local"
STEPS = ("deploy", "airflow-migrate")


class Stopped(BaseException):
    """SIGTERM or SIGINT came."""


class Supervisor:
    """One per local environment; its process is the parent of every service."""

    def __init__(self, state: State, *, owner: int | None) -> None:
        self.state, self.owner = state, owner
        self.events = Events(state.folder)
        self.services: list[Service] = []
        # Only what every program needs, and where the container engine is (lane docker): no credentials and no other
        # settings of the person's shell reach the services.
        names = ("PATH", "HOME", "LANG", "TMPDIR", "USER", "DOCKER_HOST")
        kept = {name: os.environ[name] for name in names if name in os.environ}
        self.env = {**kept, MARKER: str(state.folder), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"}

    def run(self) -> int:
        """Start, then watch until told to stop. Returns the exit code; the reason is the last event."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, _stop)
        try:
            sweep(self.state.folder, keep=frozenset({os.getpid()}))
            self._start()
            self.state.ready = True
            self.state.save()
            self.events.tell("ready", "local", self.state.airflow_url)
            self._watch()
        except Stopped:
            self.events.tell("stopped", "local")
            return 0
        except (LocalError, httpx.HTTPError, OSError) as error:
            self.events.tell("failed", "local", str(error))
            return 1
        finally:
            self._stop_all()
        return 0

    def _start(self) -> None:
        self.state.supervisor_pid = os.getpid()
        self.state.save()
        with self.events.phase("emulator"):
            self._start_emulator()
        deploying = self._begin(
            "deploy",
            [sys.executable, "-m", "ops", "deploy", "--env", ENVIRONMENT, "--without-images", "--without-airflow"],
            self._operator(),
        )
        with self.events.phase("database"):
            self.services.append(start_postgres(self.state, self.env))
            version = load_environment(ENVIRONMENT, ROOT).airflow.version
            migrating = begin_migration(self.state, self.env, version)
            self.services.append(migrating)
        with self.events.phase("stacks and DAGs"):
            self._finish(deploying, seconds=300)
            self._finish(migrating, seconds=120)
        with self.events.phase("Airflow"):
            start_airflow(self.state, self.env, self.services)
        with self.events.phase("pools, variables, connections"):
            self._announce_airflow()
            argv = [sys.executable, "-m", "ops", "airflow", "apply", "--env", ENVIRONMENT]
            run("airflow apply", argv, log=self.state.logs / "airflow-apply.log", env=self._operator(), cwd=ROOT)

    def _start_emulator(self) -> None:
        images = write_images(self.state.folder, self.events)
        argv = [str(ROOT / ".venvs/emulator/bin/python"), "-m", "local.aws", "--port", str(self.state.emulator_port)]
        argv += ["--state", str(self.state.folder / "aws"), "--images", str(images)]
        argv += ["--audit", str(self.state.logs / "authorised-calls.jsonl")]
        env = {**self.env, "PYTHONPATH": str(ROOT), "TASKLANE_EMULATOR_TOKEN": self.state.token}
        emulator = self._begin("emulator", argv, env)
        health = f"{self.state.endpoint_url}/_tasklane/health"
        wait_until("the emulator", lambda: answers(health), services=[emulator], seconds=60)

    def _announce_airflow(self) -> None:
        """InvokeRestApi of the emulator reaches the Airflow that was started."""
        httpx.post(
            f"{self.state.endpoint_url}/_tasklane/airflow",
            headers={"authorization": self.state.token},
            json={"environment": f"tasklane-{ENVIRONMENT}", "url": self.state.airflow_url},
            timeout=10,
        ).raise_for_status()

    def _operator(self) -> dict[str, str]:
        """The variables of a person who deploys: the emulator's root credentials."""
        return {**self.env, "AWS_ENDPOINT_URL": self.state.endpoint_url, "TERM": "dumb"}

    def _begin(self, name: str, argv: list[str], env: dict[str, str]) -> Service:
        service = start(name, argv, log=self.state.logs / f"{name}.log", env=env, cwd=ROOT)
        self.services.append(service)
        return service

    def _finish(self, service: Service, *, seconds: float) -> None:
        # Other short-lived steps may end meanwhile; each is checked in its turn.
        others = [other for other in self.services if other is not service and other.name not in STEPS]
        wait_until(service.name, lambda: service.process.poll() is not None, services=others, seconds=seconds)
        self.services.remove(service)
        if service.process.returncode:
            for other in others:  # a step fails when a service it needs has died: that is the message people need
                other.check()
            service.check()

    def _watch(self) -> None:
        limits = LogLimits(self.state.logs)

        def owner_is_gone() -> bool:
            limits.keep()
            return self.owner is not None and not Path(f"/proc/{self.owner}").exists()

        wait_until("the owner's end", owner_is_gone, services=self.services, seconds=float("inf"))

    def _stop_all(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        for service in self.services:
            if service.process.poll() is None and service.name != "postgres":
                service.process.terminate()  # all at once: each may take seconds
        for service in reversed(self.services):
            service.stop()
        sweep(self.state.folder, keep=frozenset({os.getpid()}))
        self.state.forget()


def answers(url: str) -> bool:
    """Whether a GET gives 200 within two seconds."""
    try:
        return httpx.get(url, timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise Stopped
