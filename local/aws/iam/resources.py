"""The resource ARN that each ECS, Logs and KMS call is judged on, where ministack's own differs from AWS.

Source: Service Authorization Reference, "Actions, resources, and condition keys" for Amazon Elastic Container
Service, Amazon CloudWatch Logs. RunTask is judged on the task definition, task calls on the task, container-instance
calls such as ListTasks on the cluster's container instances; log-group ARNs end in `:*`, stream calls name the stream.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from ministack.core import iam_actions
from ministack.services import ecs

from local.aws.iam.request import current

_STREAM_CALLS = {"GetLogEvents", "PutLogEvents", "DeleteLogStream"}
_TAG_CALLS = {"TagResource", "UntagResource", "ListTagsForResource"}
# Calls, the member that names the resource, its kind. Describe- and List calls know no resource.
_BATCH_RESOURCES = (
    ({"submitjob", "deregisterjobdefinition"}, "jobDefinition", "job-definition"),
    ({"registerjobdefinition"}, "jobDefinitionName", "job-definition"),
    ({"terminatejob", "canceljob"}, "jobId", "job"),
    ({"createcomputeenvironment"}, "computeEnvironmentName", "compute-environment"),
    ({"updatecomputeenvironment", "deletecomputeenvironment"}, "computeEnvironment", "compute-environment"),
    ({"createjobqueue"}, "jobQueueName", "job-queue"),
    ({"updatejobqueue", "deletejobqueue"}, "jobQueue", "job-queue"),
)
_stock: Callable[..., str] = iam_actions.extract_resource_arn


def install() -> None:
    """Put our rule in front of ministack's (the router looks the name up at each call)."""
    iam_actions.extract_resource_arn = resource_arn


def resource_arn(
    service: str,
    method: str,
    path: str,
    headers: dict,
    body: bytes,
    query_params: dict,
    region: str,
    account_id: str,
) -> str:
    """The ARN to judge the call on; '*' where AWS has none."""
    stock = _stock(service, method, path, headers, body, query_params, region, account_id)
    request = current.get()
    if request is None:
        return stock
    if service == "ecs":
        return _ecs(request.target, request.data, stock, region, account_id)
    if service == "ssm" and request.target == "GetParametersByPath":
        path = str(request.data.get("Path", "/")).rstrip("/")
        return f"arn:aws:ssm:{region}:{account_id}:parameter{path}"
    if service in ("airflow", "mwaa"):
        return _airflow(path, stock, region, account_id)
    if service == "batch":
        return _batch(path, request.data, region, account_id)
    if service == "logs":
        return _logs(request.target, request.data, stock, region, account_id)
    return stock


def cluster_arn(reference: str | None, region: str, account_id: str) -> str:
    """The ARN of a cluster named by ARN or name; the default cluster when None."""
    if reference and reference.startswith("arn:"):
        return reference
    return f"arn:aws:ecs:{region}:{account_id}:cluster/{reference or 'default'}"


def task_arn(reference: str, cluster: str, region: str, account_id: str) -> str:
    """The ARN of a task named by ARN or id in a cluster (ARN)."""
    if reference.startswith("arn:"):
        return reference
    return f"arn:aws:ecs:{region}:{account_id}:task/{cluster.rsplit('/', 1)[-1]}/{reference}"


def _ecs(action: str, data: dict[str, Any], stock: str, region: str, account_id: str) -> str:
    cluster = cluster_arn(data.get("cluster"), region, account_id)
    if action == "RunTask":
        return _task_definition_arn(str(data.get("taskDefinition", "")), region, account_id)
    if action in {"DescribeTasks", "StopTask", "ExecuteCommand"}:
        first = data.get("task") or next(iter(data.get("tasks") or []), None)
        return task_arn(str(first), cluster, region, account_id) if first else "*"
    if action == "ListTasks":
        instances = cluster.replace(":cluster/", ":container-instance/", 1)
        return f"{instances}/{data.get('containerInstance', '*')}"
    if action in _TAG_CALLS:
        return str(data.get("resourceArn", "*"))
    if action == "DescribeClusters":
        first = next(iter(data.get("clusters") or []), None)
        return cluster_arn(first, region, account_id)
    if action == "RegisterTaskDefinition":  # no revision is known beforehand
        return f"arn:aws:ecs:{region}:{account_id}:task-definition/{data.get('family', '')}:*"
    if action in {"DescribeTaskDefinition", "DeregisterTaskDefinition", "ListTaskDefinitions"}:
        return "*"  # these support no resource-level permissions
    return stock


def _task_definition_arn(reference: str, region: str, account_id: str) -> str:
    known = ecs._task_defs.get(ecs._resolve_td_key(reference))
    if known:
        return str(known["taskDefinitionArn"])
    if reference.startswith("arn:"):
        return reference
    return f"arn:aws:ecs:{region}:{account_id}:task-definition/{reference}"


def _airflow(path: str, stock: str, region: str, account_id: str) -> str:
    """InvokeRestApi is judged on a role of Airflow: the API of the emulator acts as Op."""
    kind, _, name = path.strip("/").partition("/")
    arn = f"arn:aws:airflow:{region}:{account_id}"
    if kind == "environments" and name:
        return f"{arn}:environment/{name}"
    return f"{arn}:role/{name}/Op" if kind == "restapi" and name else stock


def _batch(path: str, data: dict[str, Any], region: str, account_id: str) -> str:
    """SubmitJob on the job definition (the queue is judged later), changes on what they change, the rest on `*`."""
    arn = f"arn:aws:batch:{region}:{account_id}"
    call = path.rstrip("/").rsplit("/", 1)[-1].lower()
    if path.startswith("/v1/tags/"):
        return unquote(path.removeprefix("/v1/tags/"))
    for calls, member, kind in _BATCH_RESOURCES:
        if call in calls and data.get(member):
            reference = str(data[member])
            return reference if reference.startswith("arn:") else f"{arn}:{kind}/{reference}"
    return "*"


def _logs(action: str, data: dict[str, Any], stock: str, region: str, account_id: str) -> str:
    if action in _TAG_CALLS:
        return stock
    if action == "DescribeLogGroups" and stock == "*":
        return f"arn:aws:logs:{region}:{account_id}:log-group::log-stream:"
    identifier = str(data.get("logGroupIdentifier", ""))
    if stock == "*" and identifier:
        name = identifier.split(":log-group:", 1)[-1].removesuffix(":*")
        stock = f"arn:aws:logs:{region}:{account_id}:log-group:{name}"
    if not stock.startswith("arn:"):
        return stock
    if action in _STREAM_CALLS:
        return f"{stock}:log-stream:{data.get('logStreamName', '')}"
    return f"{stock}:*"
