"""ECS that really runs tasks: the calls, the agent that runs containers, the two runtimes."""

from ministack.services import ecs

from local.aws.credentials import Credentials
from local.aws.ecs import definition_checks
from local.aws.ecs.agent import Agent
from local.aws.ecs.idempotency import ClientTokens
from local.aws.ecs.launch import Launcher
from local.aws.ecs.pulls import Puller
from local.aws.ecs.run_task import RunTask
from local.aws.ecs.task_calls import TaskCalls
from local.aws.ecs.task_store import TaskStore
from local.aws.faults.switch import FaultSwitch
from local.aws.iam.enforcement import Enforcement
from local.aws.iam.sessions import RoleSessions
from local.aws.journal import Journal


def install(
    agent: Agent,
    enforcement: Enforcement,
    credentials: Credentials,
    sessions: RoleSessions,
    faults: FaultSwitch,
    journal: Journal,
    puller: Puller,
) -> None:
    """Take the place of ministack's handlers for the four task calls."""
    definition_checks.install()
    store = TaskStore(journal)
    launcher = Launcher(agent.options, agent.mark, enforcement, credentials, sessions, faults, puller)
    agent.connect(launcher, faults, store)
    faults.connect(agent)
    calls = TaskCalls(agent, enforcement)
    handlers = {
        "RunTask": RunTask(agent, enforcement, faults, ClientTokens(journal), store),
        "StopTask": calls.stop,
        "DescribeTasks": calls.describe,
        "ListTasks": calls.list,
    }
    ecs._ACTION_MAP.update(handlers)
    ecs._run_task, ecs._stop_task = handlers["RunTask"], handlers["StopTask"]  # type: ignore[assignment]
