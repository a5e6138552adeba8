"""The second half of the template of every kind: keys, roles, logs, ECS, Airflow, messages, alarms."""

import json

from tests.local.template_parts import Json, allow, tags, trusted


def security(changed: bool) -> dict[str, tuple[str, Json]]:
    root = {"AWS": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}}
    key_policy = allow("kms:*", "*", Principal=root)
    logs = {"Service": {"Fn::Sub": "logs.${AWS::Region}.amazonaws.com"}}
    actions = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
    key_policy["Statement"].append({"Effect": "Allow", "Action": actions, "Resource": "*", "Principal": logs})
    return {
        "Key": (
            "AWS::KMS::Key",
            {
                "Description": f"key {changed}",
                "EnableKeyRotation": True,
                "PendingWindowInDays": 7,
                "KeyPolicy": key_policy,
            },
        ),
        "KeyName": (
            "AWS::KMS::Alias",
            {"AliasName": "alias/everything", "TargetKeyId": {"Fn::GetAtt": ["Key", "Arn"]}},
        ),
        "Logs": (
            "AWS::Logs::LogGroup",
            {
                "LogGroupName": "/everything/task",
                "RetentionInDays": 30 if changed else 7,
                "KmsKeyId": {"Fn::GetAtt": ["Key", "Arn"]},
                "Tags": tags(state=str(changed)),
            },
        ),
        "Role": (
            "AWS::IAM::Role",
            {
                "RoleName": "everything-role",
                "Description": f"role {changed}",
                "AssumeRolePolicyDocument": trusted("ecs-tasks.amazonaws.com"),
                "ManagedPolicyArns": [{"Ref": "Reading"}],
            },
        ),
        "Reading": (
            "AWS::IAM::ManagedPolicy",
            {"Description": "reads", "PolicyDocument": allow("s3:GetObject" if changed else "s3:ListBucket", "*")},
        ),
        "Inline": (
            "AWS::IAM::Policy",
            {
                "PolicyName": "inline",
                "Roles": [{"Ref": "Role"}],
                "PolicyDocument": allow("sqs:*" if changed else "sns:*", "*"),
            },
        ),
        "Secret": ("AWS::SecretsManager::Secret", {"Name": "everything/secret", "Description": f"secret {changed}"}),
    }


def compute(changed: bool) -> dict[str, tuple[str, Json]]:
    container = {
        "Name": "task",
        "Image": {"Fn::Join": ["", [{"Fn::GetAtt": ["Repository", "RepositoryUri"]}, {"Ref": "Image"}]]},
        "Essential": True,
        "ReadonlyRootFilesystem": True,
        "StopTimeout": 30,
        "LinuxParameters": {"InitProcessEnabled": True, "Capabilities": {"Drop": ["ALL"]}},
        "LogConfiguration": {"LogDriver": "awslogs", "Options": {"awslogs-group": {"Ref": "Logs"}}},
        "MountPoints": [{"SourceVolume": "scratch", "ContainerPath": "/scratch", "ReadOnly": False}],
        "Environment": [{"Name": "STATE", "Value": str(changed)}],
        "Secrets": [{"Name": "SECRET", "ValueFrom": {"Ref": "Secret"}}],
    }
    definition = {
        "Family": "everything-task",
        "Cpu": "1024",
        "Memory": "4096" if changed else "2048",
        "NetworkMode": "awsvpc",
        "RequiresCompatibilities": ["FARGATE"],
        "RuntimePlatform": {"CpuArchitecture": "ARM64", "OperatingSystemFamily": "LINUX"},
        "EphemeralStorage": {"SizeInGiB": 50},
        "Volumes": [{"Name": "scratch"}],
        "TaskRoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
        "ExecutionRoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
        "ContainerDefinitions": [container],
    }
    providers = ["FARGATE", "FARGATE_SPOT"]
    return {
        "Cluster": (
            "AWS::ECS::Cluster",
            {
                "ClusterName": "everything",
                "ClusterSettings": [{"Name": "containerInsights", "Value": "disabled" if changed else "enhanced"}],
            },
        ),
        "Capacity": (
            "AWS::ECS::ClusterCapacityProviderAssociations",
            {
                "Cluster": {"Ref": "Cluster"},
                "CapacityProviders": providers,
                "DefaultCapacityProviderStrategy": [{"CapacityProvider": providers[changed], "Weight": 1}],
            },
        ),
        "Definition": ("AWS::ECS::TaskDefinition", definition),
        "Airflow": ("AWS::MWAA::Environment", _airflow(changed)),
    }


def _airflow(changed: bool) -> Json:
    log = {"Enabled": True, "LogLevel": "WARNING" if changed else "INFO"}
    environment = {
        "Name": "everything",
        "AirflowVersion": "3.0.6",
        "EnvironmentClass": "mw1.medium" if changed else "mw1.small",
        "ExecutionRoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
        "SourceBucketArn": {"Fn::GetAtt": ["Data", "Arn"]},
        "DagS3Path": "dags",
        "KmsKey": {"Fn::GetAtt": ["Key", "Arn"]},
        "RequirementsS3Path": {"Fn::If": ["HasRequirements", "requirements.txt", {"Ref": "AWS::NoValue"}]},
        "RequirementsS3ObjectVersion": {
            "Fn::If": ["HasRequirements", {"Ref": "RequirementsVersion"}, {"Ref": "AWS::NoValue"}]
        },
        "MaxWorkers": 3,
        "WebserverAccessMode": "PRIVATE_ONLY",
        "WeeklyMaintenanceWindowStart": "SUN:03:30",
        "LoggingConfiguration": dict.fromkeys(("TaskLogs", "SchedulerLogs", "WorkerLogs"), log),
        "NetworkConfiguration": {"SecurityGroupIds": [{"Ref": "Group"}], "SubnetIds": [{"Ref": "Subnet"}]},
        "Tags": {"state": str(changed)},
    }
    if not changed:
        environment["AirflowConfigurationOptions"] = {"core.parallelism": "32"}
    return environment


def messages(changed: bool) -> dict[str, tuple[str, Json]]:
    publish = allow("sns:Publish", {"Ref": "Alarms"}, Principal={"Service": "cloudwatch.amazonaws.com"})
    metric = {"Namespace": "AWS/ECS", "MetricName": "CPUUtilization", "Statistic": "Average", "Period": 300}
    return {
        "Alarms": ("AWS::SNS::Topic", {"TopicName": "everything", "KmsMasterKeyId": {"Ref": "Key"}}),
        "AlarmsPolicy": ("AWS::SNS::TopicPolicy", {"Topics": [{"Ref": "Alarms"}], "PolicyDocument": publish}),
        "Inbox": ("AWS::SQS::Queue", {"QueueName": "everything", "VisibilityTimeout": 60 if changed else 30}),
        "Subscription": (
            "AWS::SNS::Subscription",
            {"TopicArn": {"Ref": "Alarms"}, "Protocol": "sqs", "Endpoint": {"Fn::GetAtt": ["Inbox", "Arn"]}},
        ),
        "Alarm": (
            "AWS::CloudWatch::Alarm",
            {
                "AlarmName": "everything",
                "AlarmDescription": "runbook#everything",
                **metric,
                "Dimensions": [{"Name": "ClusterName", "Value": {"Ref": "Cluster"}}],
                "Threshold": 90 if changed else 80,
                "EvaluationPeriods": 2,
                "DatapointsToAlarm": 1,
                "ComparisonOperator": "GreaterThanThreshold",
                "TreatMissingData": "notBreaching",
                "AlarmActions": [{"Ref": "Alarms"}],
            },
        ),
        "Board": (
            "AWS::CloudWatch::Dashboard",
            {
                "DashboardName": "everything",
                "DashboardBody": json.dumps({"widgets": [], "start": "-P1D" if changed else "-PT6H"}),
            },
        ),
        "TaskStopped": (
            "AWS::Events::Rule",
            {
                "Name": "everything",
                "Description": f"rule {changed}",
                "EventPattern": {"source": ["aws.ecs"], "detail": {"clusterArn": [{"Fn::GetAtt": ["Cluster", "Arn"]}]}},
                "State": "ENABLED",
                "Targets": [{"Id": "inbox", "Arn": {"Fn::GetAtt": ["Inbox", "Arn"]}}],
            },
        ),
    }
