"""Every rule of cdk-nag and of CloudFormation's validation that we do not follow, where, and why. There are no others.

A finding about a wildcard carries the wildcard in its id, so each is accepted one by one: a new `*` is a new finding.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, cast

import aws_cdk as cdk
from constructs import IConstruct

from platform_spec.batch import CLUSTERS
from platform_spec.naming import PROJECT, STACKS, Names, construct_id
from platform_spec.tasks import Access
from platform_spec.virtualenvs import BUNDLES, WHEELS
from stacks.batch import BatchStack
from stacks.components.delivery_policies import MOVED
from stacks.components.fargate_task import FargateTask
from stacks.compute import ComputeStack
from stacks.delivery import DeliveryStack
from stacks.platform import Platform

COMPLIANCE_PACKS = ("HIPAA.Security", "NIST.800.53.R5")


class Acknowledged(NamedTuple):
    """`rules` of `pack` that `construct` breaks on purpose."""

    construct: IConstruct
    pack: str
    rules: tuple[str, ...]
    reason: str


def acknowledge(platform: Platform, delivery: DeliveryStack | None) -> None:
    for construct, pack, rules, reason in acknowledgements(platform, delivery):
        for rule in rules:
            cdk.Validations.of(construct).acknowledge(cdk.Acknowledgment(id=f"{pack}::{rule}", reason=reason))


def acknowledgements(platform: Platform, delivery: DeliveryStack | None) -> Iterator[Acknowledged]:
    yield from _storage(platform)
    yield from _network(platform)
    yield from _compute(platform.compute, platform)
    if platform.batch:
        yield from _batch(platform.batch, platform)
    yield from _airflow(platform)
    if delivery:
        yield from _delivery(delivery, platform.names)


def _both(construct: IConstruct, rule: str, reason: str) -> Iterator[Acknowledged]:
    for pack in COMPLIANCE_PACKS:
        yield Acknowledged(construct, pack, (f"{pack}-{rule}",), reason)


def _wildcards(construct: IConstruct, reason: str, *findings: str) -> Acknowledged:
    return Acknowledged(construct, "AwsSolutions", tuple(f"AwsSolutions-IAM5[{found}]" for found in findings), reason)


def _storage(platform: Platform) -> Iterator[Acknowledged]:
    storage = platform.storage
    one_region = (
        "One Region by design: versions guard against loss by mistake; a copy elsewhere is the account's decision."
    )
    for bucket in (storage.access_logs, storage.dag_bucket, storage.data_bucket):
        yield from _both(bucket, "S3BucketReplicationEnabled", one_region)
    in_time = (
        "Point-in-time recovery keeps 35 days; what the table holds is made from the data bucket, which has versions."
    )
    for table in storage.tables.values():
        yield from _both(table, "DynamoDBInBackupPlan", in_time)
    only_s3 = "S3 delivers access logs only to a bucket encrypted with S3's own key (SSE-S3)."
    yield from _both(storage.access_logs, "S3DefaultEncryptionKMS", only_s3)


def _network(platform: Platform) -> Iterator[Acknowledged]:
    network = platform.network
    by_lambda = "CloudFormation cannot close the default group (CDK does it with a Lambda function); nothing uses it."
    yield from _both(network.vpc, "VPCDefaultSecurityGroupClosed", by_lambda)
    itself = "MWAA demands that its security group accepts all traffic from itself; no other source is accepted."
    yield from _both(network.airflow_security_group, "EC2RestrictedCommonPorts", itself)
    gateways = (
        "Only NAT gateways stand in public subnets; they need the route to the internet, and nothing can come in."
    )
    for subnet in network.vpc.public_subnets:
        yield from _both(subnet, "VPCNoUnrestrictedRouteToIGW", gateways)
    zones = "The zones are a setting of the environment; looking them up would need the account at synth."
    yield Acknowledged(network, "CloudFormation-Validate", ("W3010",), zones)


def _compute(compute: ComputeStack, platform: Platform) -> Iterator[Acknowledged]:
    plain = "TMPDIR and HOME: two paths. Secrets come from Secrets Manager."
    login = "ecr:GetAuthorizationToken knows no resource; pulling is granted on the task's own repository alone."
    for task in compute.tasks:
        yield Acknowledged(task.definition, "AwsSolutions", ("AwsSolutions-ECS2",), plain)
        yield _wildcards(task.node.find_child("Execution"), login, "Resource::*")
        yield from _data(task.node.find_child("Task"), platform, task.task.access)
        yield from _registers(task, platform.names)
    cluster = compute.get_logical_id(cast(cdk.CfnElement, compute.cluster.node.default_child))
    arn = f"Resource::arn:aws:ecs:{compute.region}:{compute.account}"
    for policy in compute.run_tasks_policies:
        running = "Tasks get their ids when they start: all tasks of our cluster, and of no other."
        yield _wildcards(policy, running, f"{arn}:task/<{cluster}>/*")
        listing = "ecs:ListTasks knows no task as resource; the condition binds it to our cluster."
        yield _wildcards(policy, listing, "Resource::*")
        revisions = "Every revision of our own families: a deployment makes a new one."
        families = (f"{arn}:task-definition/{family}:*" for task in compute.tasks for family in task.families)
        yield _wildcards(policy, revisions, *families)
    if compute.instances:
        yield from _instances(compute, arn, platform.names.cluster)
    yield from _guests(compute, platform)


def _guests(compute: ComputeStack, platform: Platform) -> Iterator[Acknowledged]:
    for task in compute.guest_tasks:
        if task.role:
            yield from _data(task.node.find_child("Task"), platform, task.task.access)
    if worker := compute.docker_worker:
        login = "ecr:GetAuthorizationToken knows no resource; pulling is granted on the tasks' own repositories alone."
        yield _wildcards(worker, login, "Resource::*")
        bucket = _imported(platform, platform.storage.data_bucket.bucket_arn)
        results = "The result documents of these tasks, which a worker looks at."
        yield _wildcards(worker, results, *(f"Resource::{bucket}/runs/{task.task.name}/*" for task in worker.tasks))


def _instances(compute: ComputeStack, arn: str, cluster: str) -> Iterator[Acknowledged]:
    role = compute.node.find_child("InstancesRole")
    theirs = "Instances get their ids when they start: those of our cluster, and of no other."
    yield _wildcards(role, theirs, f"{arn}:container-instance/{cluster}/*")
    yield _wildcards(role, "ecs:DiscoverPollEndpoint knows no resource.", "Resource::*")
    nobody = "Instances come and go with the tasks, all day: ECS decides, and the tasks' own alarms tell of trouble."
    for instances in compute.instances.values():
        yield Acknowledged(instances, "AwsSolutions", ("AwsSolutions-AS3",), nobody)


def _batch(stack: BatchStack, platform: Platform) -> Iterator[Acknowledged]:
    arn = f"Resource::arn:aws:{{}}:{stack.region}:{stack.account}:{{}}"
    login = "ecr:GetAuthorizationToken knows no resource; pulling is granted on the task's own repository alone."
    for task in stack.tasks:
        yield _wildcards(task.node.find_child("Execution"), login, "Resource::*")
        yield from _data(task.node.find_child("Task"), platform, task.task.access)
    for policy in stack.policies:
        revisions = "Every revision of our own job definitions: a deployment makes a new one."
        names = (platform.names.job_definition(task.task.name) for task in policy.tasks)
        yield _wildcards(policy, revisions, *(arn.format("batch", f"job-definition/{name}:*") for name in names))
        jobs = "Jobs get their ids when they are submitted: the tag of this environment says which may be ended."
        yield _wildcards(policy, jobs, arn.format("batch", "job/*"))
        yield _wildcards(policy, "batch:DescribeJobs and batch:ListJobs know neither resource nor tag.", "Resource::*")
    if stack.instance_role:
        role = stack.instance_role.policy
        clusters = "AWS Batch makes the clusters of its compute environments and gives them names like these."
        found = [name for cluster in CLUSTERS for name in (f"cluster/{cluster}", f"container-instance/{cluster}/*")]
        yield _wildcards(role, clusters, *(arn.format("ecs", name) for name in found))
        yield _wildcards(role, "ecs:DiscoverPollEndpoint knows no resource.", "Resource::*")


def _registers(task: FargateTask, names: Names) -> Iterator[Acknowledged]:
    """A task that registers revisions of others."""
    role = task.node.find_child("Task")
    for name in task.task.access.registers:
        arn = f"Resource::arn:aws:ecs:{names.env.region}:{names.env.account}:task-definition/"
        yield _wildcards(role, "Every revision of the one family it registers.", f"{arn}{names.newest_family(name)}:*")
    if task.task.access.registers:
        unscoped = "Describe, List and DeregisterTaskDefinition know neither resource nor condition."
        yield _wildcards(role, f"{unscoped} The role is of a program that does nothing else.", "Resource::*")


def _airflow(platform: Platform) -> Iterator[Acknowledged]:
    airflow = platform.airflow
    service = airflow.execution.node.find_child("ServicePolicy")
    names = platform.names
    required = "MWAA does not start without it (user guide, execution role)"
    dags = _imported(platform, platform.storage.dag_bucket.bucket_arn)
    actions = ("s3:GetBucket*", "s3:GetObject*", "s3:List*", "kms:GenerateDataKey*")
    yield _wildcards(service, f"{required}: on the DAG bucket and on our key.", *(f"Action::{a}" for a in actions))
    yield _wildcards(service, f"{required}: all objects of the DAG bucket.", f"Resource::{dags}/*")
    groups = f"arn:aws:logs:{airflow.region}:{airflow.account}:log-group:airflow-{names.mwaa_environment}-*"
    yield _wildcards(service, f"{required}: the five log groups of this environment.", f"Resource::{groups}")
    queue = f"arn:aws:sqs:{airflow.region}:*:airflow-celery-*"
    yield _wildcards(
        service, f"{required}: the queue lies in an account of AWS; see the SQS endpoint.", f"Resource::{queue}"
    )
    yield _wildcards(service, f"{required}: these actions know no resource.", "Resource::*")
    dag_policy = airflow.execution.node.try_find_child("DagPolicy")  # absent if dags/access.toml grants nothing
    if dag_policy:
        yield from _data(dag_policy, platform, platform.dag_access)
    for task in airflow.worker_tasks.tasks:
        yield from _data(airflow.worker_tasks.node.find_child(construct_id(task.name)), platform, task.access)


def _delivery(delivery: DeliveryStack, names: Names) -> Iterator[Acknowledged]:
    """The roles of the pipeline are there before what they may touch: they name it, and a name ends where ids begin."""
    env, bucket = names.env.name, f"Resource::arn:aws:s3:::{names.dag_bucket}"

    def arn(service: str, resource: str) -> str:
        return f"Resource::arn:aws:{service}:{delivery.region}:{delivery.account}:{resource}"

    ids = "The stacks of this environment and of cdk bootstrap: CloudFormation adds an id to a stack's name."
    stacks = [names.stack(part) for part in (*STACKS, "delivery")]
    yield _wildcards(
        delivery.read, ids, *(arn("cloudformation", f"stack/{name}/*") for name in (*stacks, "CDKToolkit"))
    )
    moved = [names.stack(part) for part in MOVED]
    rolled = "The stacks whose versions a rollback sets: CloudFormation adds an id to a stack's name."
    yield _wildcards(delivery.write, rolled, *(arn("cloudformation", f"stack/{name}/*") for name in moved))
    unnamed = (
        "ecr:GetAuthorizationToken, ecs:DescribeTaskDefinition, batch:DescribeJobDefinitions and "
        "servicequotas:GetServiceQuota know no resource."
    )
    yield _wildcards(delivery.read, unnamed, "Resource::*")
    compared = "Releases, DAGs and plugins are compared with what is deployed: all of the DAG bucket, and no other."
    yield _wildcards(delivery.read, compared, f"{bucket}/*")
    written = "Files of DAGs, releases and light tasks get their names when they are released; nothing else is written."
    yield _wildcards(
        delivery.write, written, *(f"{bucket}/{prefix}*" for prefix in ("dags/", "releases/", BUNDLES, WHEELS))
    )
    published = "What the stacks of this environment publish for its DAGs and declare for Airflow, below its own path."
    paths = (f"parameter/{PROJECT}/{env}/{part}/*" for part in ("deployment", "airflow"))
    yield _wildcards(delivery.read, published, *(arn("ssm", path) for path in paths))
    secrets = "Airflow's declared connections and variables of this environment: Secrets Manager adds an id to a name."
    yield _wildcards(delivery.write, secrets, arn("secretsmanager", f"secret:{names.mwaa_environment}/airflow/*"))
    images = "One repository per task of this environment: a new task needs its image before its stack."
    key = "The key is made after this role: a condition binds the statement to the key with our alias."
    for policy in (delivery.read, delivery.write):
        yield _wildcards(policy, images, arn("ecr", f"repository/{names.prefix}/*"))
        yield _wildcards(policy, key, arn("kms", "key/*"))
    others = "Releases of another account: the trust of its plan role says who may read them."
    yield _wildcards(delivery.write, others, f"Resource::arn:aws:iam::*:role/{PROJECT}-*-plan")


def _data(construct: IConstruct, platform: Platform, access: Access) -> Iterator[Acknowledged]:
    bucket = _imported(platform, platform.storage.data_bucket.bucket_arn)
    prefixes = sorted({*access.read, *access.write})
    if prefixes:
        reason = "Objects below the prefixes that the access intents name."
        yield _wildcards(construct, reason, *(f"Resource::{bucket}/{prefix}*" for prefix in prefixes))


def _imported(platform: Platform, arn: str) -> str:
    """The export under which another stack sees an attribute of the storage stack: cdk-nag writes it for the ARN."""
    exported = platform.storage.resolve(platform.storage.export_value(arn))
    return str(exported["Fn::ImportValue"])
