"""The MWAA environment itself: what CreateEnvironment refuses at once, and what fails after half an hour."""

from collections.abc import Iterator

from ops.finding import Finding
from ops.preflight.subject import Resource, Subject, text_of
from platform_spec.airflow_settings import CLASSES
from platform_spec.naming import AIRFLOW_LOGS

# MWAA user guide, "Apache Airflow versions": what the service creates. Images exist for more (stated by its image
# repository), but CreateEnvironment refuses them until the service lists them.
SUPPORTED = ("2.10.1", "2.10.3", "2.11.0", "3.0.6")
MOST_WORKERS = 25


def check_environment(subject: Subject) -> Iterator[Finding]:
    environment = subject.one("AWS::MWAA::Environment")
    if environment is None:
        why = "there is nothing that could run DAGs"
        yield Finding(
            "MWAA environment",
            subject.names.stack("airflow"),
            "no environment in the templates",
            why,
            "see stacks/airflow.py",
        )
        return
    yield from _version(environment)
    yield from _sizes(environment)
    yield from _subnets(subject, environment)
    if environment.properties.get("DagS3Path", "").startswith("/"):
        why = "MWAA takes a path relative to the bucket (API reference, CreateEnvironment)"
        yield Finding("DAG path", str(environment), "DagS3Path begins with /", why, "write it without")


def check_logs(subject: Subject) -> Iterator[Finding]:
    """MWAA writes to five groups of fixed names, which it would create itself: unencrypted, kept for ever."""
    groups = {text_of(g.properties.get("LogGroupName")): g for g in subject.all("AWS::Logs::LogGroup")}
    for log in AIRFLOW_LOGS:
        name = subject.names.airflow_log_group(log)
        if name not in groups:
            why = "MWAA creates it without retention and without our key (user guide, Airflow logs)"
            yield Finding("log group", name, "is in no stack", why, "declare it in the Airflow stack")
        elif "KmsKeyId" not in groups[name].properties:
            why = "with a customer key MWAA expects its log groups under that key and ends in CREATE_FAILED"
            yield Finding(
                "log group", str(groups[name]), "has no KmsKeyId", why, "encrypt it with the environment's key"
            )


def _version(environment: Resource) -> Iterator[Finding]:
    version = environment.properties.get("AirflowVersion")
    if version not in SUPPORTED:
        why = f"CreateEnvironment takes {', '.join(SUPPORTED)} (MWAA user guide, Apache Airflow versions)"
        fix = f"set airflow.version to one of them; {version} can be tried with `tasklane local up`"
        yield Finding("Airflow version", str(environment), f"AirflowVersion is {version}", why, fix)


def _sizes(environment: Resource) -> Iterator[Finding]:
    values, class_ = environment.properties, environment.properties.get("EnvironmentClass")
    if class_ not in CLASSES:
        why = f"MWAA has {', '.join(CLASSES)} (user guide, environment class)"
        yield Finding("environment class", str(environment), f"EnvironmentClass is {class_}", why, "use one of them")
        return
    micro = class_ == "mw1.micro"
    workers = int(values.get("MinWorkers", 1)), int(values.get("MaxWorkers", 10))
    if not 1 <= workers[0] <= workers[1] <= (1 if micro else MOST_WORKERS):
        why = "1 <= MinWorkers <= MaxWorkers <= 25 (mw1.micro: 1); more needs a quota increase (MWAA quotas)"
        yield Finding("workers", str(environment), f"MinWorkers, MaxWorkers = {workers}", why, "set workers within")
    for key in ("Schedulers", "MinWebservers", "MaxWebservers"):
        count = int(values.get(key, 1 if micro else 2))
        if count not in ((1,) if micro else (2, 3, 4, 5)):
            why = "2 to 5, on mw1.micro exactly 1 (API reference, CreateEnvironment)"
            yield Finding("schedulers and web servers", str(environment), f"{key} is {count}", why, f"set {key} within")


def _subnets(subject: Subject, environment: Resource) -> Iterator[Finding]:
    given = environment.properties.get("NetworkConfiguration", {}).get("SubnetIds", [])
    subnets = subject.targets(given, environment.stack)
    zones = {text_of(subnet.properties.get("AvailabilityZone")) for subnet in subnets}
    if len(given) != 2 or len(zones) != 2:
        why = "MWAA needs exactly two private subnets in different zones (user guide, About networking)"
        what = f"{len(given)} subnets in {len(zones)} zones"
        yield Finding("subnets", str(environment), what, why, "give it two subnets of different zones")
    for subnet in subnets:
        if subnet.properties.get("MapPublicIpOnLaunch") is True:
            why = "MWAA accepts private subnets only (user guide, About networking)"
            yield Finding("subnets", str(subnet), "is public", why, "use a private subnet")
