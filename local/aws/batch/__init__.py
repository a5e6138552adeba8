"""AWS Batch that really runs jobs: each attempt is a task of the agent that runs ECS's."""

from ministack.services import batch

from local.aws.batch import authorisation
from local.aws.batch.calls import BatchCalls
from local.aws.batch.scheduler import Scheduler
from local.aws.batch.store import JobStore
from local.aws.ecs.agent import Agent
from local.aws.faults.switch import FaultSwitch
from local.aws.iam.enforcement import Enforcement
from local.aws.journal import Journal


def install(agent: Agent, enforcement: Enforcement, faults: FaultSwitch, journal: Journal) -> Scheduler:
    """Take the place of ministack's handlers, which only store. The scheduler is to be resumed after a restart."""
    store = JobStore(journal)
    scheduler = Scheduler(agent, faults, store)
    for action in ("SubmitJob", "RegisterJobDefinition", "CreateComputeEnvironment", "CreateJobQueue"):
        enforcement.add_conditions(f"batch:{action}", authorisation.request_tags)
    for action in ("TerminateJob", "CancelJob"):
        enforcement.add_conditions(f"batch:{action}", lambda data: authorisation.job_tags(store, data))
    batch.handle_request = BatchCalls(enforcement, scheduler, store).handle
    return scheduler
