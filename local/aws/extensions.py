"""Put the extension together: each part installs itself into ministack's modules, in one order, once per process."""

from ministack import app as ministack_app

from local.aws import alarms, dispatch
from local.aws import ecs as task_service
from local.aws.batch import install as install_batch
from local.aws.batch.scheduler import Scheduler
from local.aws.cloudformation import install as install_cloudformation
from local.aws.credentials import Credentials
from local.aws.ec2 import install as install_ec2
from local.aws.ecs.agent import Agent
from local.aws.ecs.pulls import Puller
from local.aws.eks import install as install_eks
from local.aws.faults.switch import FaultSwitch
from local.aws.iam.audit import Audit
from local.aws.iam.enforcement import Enforcement
from local.aws.iam.sessions import RoleSessions
from local.aws.journal import Journal
from local.aws.logs import install as install_logs
from local.aws.logs.event_journal import EventJournal
from local.aws.mwaa import install as install_mwaa
from local.aws.options import Options
from local.aws.platform import Platform
from local.aws.registry import install as install_registry
from local.aws.s3 import install as install_s3
from local.aws.snapshots import Snapshots
from local.aws.sns import install as install_sns


def install(options: Options) -> Platform:
    """Extend ministack and start the task agent."""
    # ministack runs shell scripts it finds in /docker-entrypoint-initaws.d: not wanted outside its container image.
    ministack_app._collect_scripts = lambda *folders: []
    audit = Audit(options.audit)
    enforcement = Enforcement(audit)
    enforcement.install()
    journal, log_events = Journal(options.state / "journal.jsonl"), EventJournal(options.state / "log-events.jsonl")
    snapshots = Snapshots(log_events)
    sessions = RoleSessions(journal)
    credentials = Credentials(options.endpoint, sessions, journal)
    faults = FaultSwitch()
    dispatch.install(faults, snapshots)
    install_s3(enforcement)
    install_ec2()
    install_logs()
    log_events.install()
    snapshots.note_log_events()
    tokens = install_registry(options, enforcement)
    install_cloudformation(faults)
    install_sns()
    alarms.install()
    airflows, clusters = install_mwaa(), install_eks(journal)
    agent = Agent(options)
    puller = Puller(options.endpoint, tokens)
    task_service.install(agent, enforcement, credentials, sessions, faults, journal, puller)
    scheduler = install_batch(agent, enforcement, faults, journal)
    _restore_after(journal, log_events, scheduler)
    return Platform(options, audit, enforcement, credentials, faults, agent, airflows, clusters, snapshots)


def _restore_after(journal: Journal, log_events: EventJournal, scheduler: Scheduler) -> None:
    """The journals are newer than ministack's own state files: they are read after them, at the server's start."""
    stock = ministack_app._load_persisted_state

    def load() -> None:
        stock()
        journal.restore()
        log_events.restore()
        scheduler.resume()

    ministack_app._load_persisted_state = load
