"""AWS::MWAA::Environment, stored with every property (Template Reference; Amazon MWAA API Reference, Environment).

No Airflow is started here: the local Airflow is a part of its own. Values that MWAA refuses at once are refused here.
"""

import json

from ministack.services import mwaa
from ministack.services.cloudformation import provisioners

from local.aws.cloudformation.registry import Json, Made, ResourceError, checked, expect, register

_REQUIRED = ("Name", "ExecutionRoleArn", "SourceBucketArn", "DagS3Path", "NetworkConfiguration")
_KNOWN = {
    "Name",
    "AirflowConfigurationOptions",
    "AirflowVersion",
    "DagS3Path",
    "EndpointManagement",
    "EnvironmentClass",
    "ExecutionRoleArn",
    "KmsKey",
    "LoggingConfiguration",
    "MaxWebservers",
    "MaxWorkers",
    "MinWebservers",
    "MinWorkers",
    "NetworkConfiguration",
    "PluginsS3ObjectVersion",
    "PluginsS3Path",
    "RequirementsS3ObjectVersion",
    "RequirementsS3Path",
    "Schedulers",
    "SourceBucketArn",
    "StartupScriptS3ObjectVersion",
    "StartupScriptS3Path",
    "Tags",
    "WebserverAccessMode",
    "WeeklyMaintenanceWindowStart",
    "WorkerReplacementStrategy",
}
_ALLOWED = {
    "WebserverAccessMode": {"PRIVATE_ONLY", "PUBLIC_ONLY", "PUBLIC_AND_PRIVATE"},
    "EndpointManagement": {"CUSTOMER", "SERVICE"},
    "EnvironmentClass": {f"mw1.{size}" for size in ("micro", "small", "medium", "large", "xlarge", "2xlarge")},
}


def install() -> None:
    """Register the type. Name, KmsKey, endpoint management and subnets are create-only."""
    register("AWS::MWAA::Environment", _create, _update, _delete, tags="map")
    provisioners._REPLACING_PROPERTIES["AWS::MWAA::Environment"] = ("Name", "KmsKey", "EndpointManagement")


def _create(logical_id: str, properties: Json, stack: str) -> Made:
    _check(properties)
    name, members = properties["Name"], _members(properties)
    checked(mwaa._create_environment("PUT", f"/environments/{name}", {}, json.dumps(members), {}))
    return _complete(name, members, {})


def _update(name: str, old: Json, new: Json, stack: str) -> Made:
    _check(new)
    members = _members(new)
    checked(mwaa._update_environment("PATCH", f"/environments/{name}", {}, json.dumps(members), {}))
    return _complete(name, members, _members(old))


def _delete(name: str, properties: Json) -> None:
    checked(mwaa._delete_environment("DELETE", f"/environments/{name}", {}, b"", {}))


def _members(properties: Json) -> Json:
    return {key: value for key, value in properties.items() if key != "Name"}


def _complete(name: str, members: Json, before: Json) -> Made:
    """ministack keeps part of the members: keep all, drop those that the template dropped."""
    environment = mwaa._environments[name]
    for dropped in set(before) - set(members):
        environment.pop(dropped, None)
    environment.update(members)
    arns = {}
    for module, settings in (members.get("LoggingConfiguration") or {}).items():
        kind = "".join(f"-{c.lower()}" if c.isupper() else c for c in module.removesuffix("Logs")).lstrip("-")
        group = environment["Arn"].replace(":airflow:", ":logs:").split(":environment/")[0]
        arn = f"{group}:log-group:airflow-{name}-{ {'dag-processing': 'DAGProcessing'}.get(kind, kind.title()) }"
        settings["CloudWatchLogGroupArn"] = arn
        arns[f"LoggingConfiguration.{module}.CloudWatchLogGroupArn"] = arn
    return name, {"Arn": environment["Arn"], "WebserverUrl": environment.get("WebserverUrl", ""), **arns}


def _check(properties: Json) -> None:
    expect("AWS::MWAA::Environment", properties, _KNOWN)
    for key in _REQUIRED:
        if not properties.get(key):
            raise ResourceError(f"#: required key [{key}] not found")
    for key, allowed in _ALLOWED.items():
        if key in properties and properties[key] not in allowed:
            raise ResourceError(f"{key} {properties[key]!r} is not allowed (allowed: {', '.join(sorted(allowed))})")
