"""A template with every kind of resource that our stacks use or will use, in two states: as first deployed, changed."""

import json
from typing import Any

Json = dict[str, Any]


def _tags(**tags: str) -> list[Json]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _allow(action: str, resource: Any, **more: Any) -> Json:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource, **more}]}


def _trusted(service: str) -> Json:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def everything(*, changed: bool = False) -> Json:
    """The template; `changed` alters at least one property of nearly every resource in place."""
    return {
        "Parameters": {
            "Image": {"Type": "String", "Default": ":first"},
            "RequirementsVersion": {"Type": "String", "Default": ""},
        },
        "Conditions": {"HasRequirements": {"Fn::Not": [{"Fn::Equals": [{"Ref": "RequirementsVersion"}, ""]}]}},
        "Resources": {
            name: {"Type": kind, "Properties": properties}
            for part in (_network, _storage, _security, _compute, _messages)
            for name, (kind, properties) in part(changed).items()
        },
        "Outputs": {"Range": {"Value": {"Fn::GetAtt": ["Vpc", "CidrBlock"]}}},
    }


def _network(changed: bool) -> dict[str, tuple[str, Json]]:
    vpc, group = {"Ref": "Vpc"}, {"Fn::GetAtt": ["Group", "GroupId"]}
    endpoint_policy = _allow("s3:Get*" if changed else "s3:*", "*", Principal="*")
    rule = {"GroupId": group, "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}
    return {
        "Vpc": ("AWS::EC2::VPC", {"CidrBlock": "10.1.0.0/16", "EnableDnsHostnames": True, "EnableDnsSupport": True}),
        "Subnet": (
            "AWS::EC2::Subnet",
            {
                "VpcId": vpc,
                "CidrBlock": "10.1.1.0/24",
                "AvailabilityZone": "eu-west-1b",
                "MapPublicIpOnLaunch": changed,
            },
        ),
        "Address": ("AWS::EC2::EIP", {"Domain": "vpc", "Tags": _tags(state=str(changed))}),
        "Nat": (
            "AWS::EC2::NatGateway",
            {
                "SubnetId": {"Ref": "Subnet"},
                "AllocationId": {"Fn::GetAtt": ["Address", "AllocationId"]},
                "Tags": _tags(state=str(changed)),
            },
        ),
        "Table": ("AWS::EC2::RouteTable", {"VpcId": vpc}),
        "Route": (
            "AWS::EC2::Route",
            {"RouteTableId": {"Ref": "Table"}, "DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": {"Ref": "Nat"}},
        ),
        "Group": ("AWS::EC2::SecurityGroup", {"GroupDescription": "tasks", "VpcId": vpc}),
        "Inward": (
            "AWS::EC2::SecurityGroupIngress",
            {**rule, "SourceSecurityGroupId": group, "Description": "changed" if changed else "first"},
        ),
        "Outward": ("AWS::EC2::SecurityGroupEgress", {**rule, "DestinationSecurityGroupId": group}),
        "Endpoint": (
            "AWS::EC2::VPCEndpoint",
            {
                "VpcId": vpc,
                "ServiceName": "com.amazonaws.eu-west-1.ecr.api",
                "VpcEndpointType": "Interface",
                "PrivateDnsEnabled": True,
                "SubnetIds": [{"Ref": "Subnet"}],
                "SecurityGroupIds": [group],
                "PolicyDocument": endpoint_policy,
            },
        ),
        "FlowLog": (
            "AWS::EC2::FlowLog",
            {
                "ResourceId": vpc,
                "ResourceType": "VPC",
                "TrafficType": "REJECT" if changed else "ALL",
                "LogDestinationType": "cloud-watch-logs",
                "LogGroupName": {"Ref": "Logs"},
                "DeliverLogsPermissionArn": {"Fn::GetAtt": ["Role", "Arn"]},
                "MaxAggregationInterval": 60,
            },
        ),
    }


def _storage(changed: bool) -> dict[str, tuple[str, Json]]:
    key = {"Fn::GetAtt": ["Key", "Arn"]}
    algorithm = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    bucket = {
        "BucketEncryption": {
            "ServerSideEncryptionConfiguration": [
                {"ServerSideEncryptionByDefault": algorithm, "BucketKeyEnabled": True}
            ]
        },
        "LifecycleConfiguration": {
            "Rules": [
                {
                    "Id": "tidy",
                    "Status": "Enabled",
                    "Prefix": "tmp/",
                    "ExpirationInDays": 14 if changed else 7,
                    "NoncurrentVersionExpiration": {"NoncurrentDays": 30, "NewerNoncurrentVersions": 3},
                    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
                    "Transitions": [{"StorageClass": "STANDARD_IA", "TransitionInDays": 30}],
                }
            ]
        },
        "LoggingConfiguration": {"DestinationBucketName": {"Ref": "AccessLogs"}, "LogFilePrefix": "data/"},
        "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        "PublicAccessBlockConfiguration": {"BlockPublicAcls": True, "BlockPublicPolicy": True},
        "Tags": _tags(state=str(changed)),
        "VersioningConfiguration": {"Status": "Enabled"},
    }
    if not changed:
        bucket["NotificationConfiguration"] = {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    policy = _allow(
        "s3:*", {"Fn::Sub": "${Data.Arn}/*"}, Principal={"AWS": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}}
    )
    return {
        "AccessLogs": ("AWS::S3::Bucket", {"OwnershipControls": {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}}),
        "Data": ("AWS::S3::Bucket", bucket),
        "DataPolicy": ("AWS::S3::BucketPolicy", {"Bucket": {"Ref": "Data"}, "PolicyDocument": policy}),
        "Parameter": (
            "AWS::SSM::Parameter",
            {"Name": "/everything/data", "Type": "String", "Value": {"Fn::Join": [":", ["v", str(changed)]]}},
        ),
        "Repository": (
            "AWS::ECR::Repository",
            {
                "RepositoryName": "everything/task",
                "ImageTagMutability": "IMMUTABLE",
                "ImageScanningConfiguration": {"ScanOnPush": not changed},
                "EncryptionConfiguration": {"EncryptionType": "KMS", "KmsKey": key},
                "LifecyclePolicy": {
                    "LifecyclePolicyText": json.dumps({"rules": [{"rulePriority": 2 if changed else 1}]})
                },
            },
        ),
    }


def _security(changed: bool) -> dict[str, tuple[str, Json]]:
    root = {"AWS": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}}
    key_policy = _allow("kms:*", "*", Principal=root)
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
                "Tags": _tags(state=str(changed)),
            },
        ),
        "Role": (
            "AWS::IAM::Role",
            {
                "RoleName": "everything-role",
                "Description": f"role {changed}",
                "AssumeRolePolicyDocument": _trusted("ecs-tasks.amazonaws.com"),
                "ManagedPolicyArns": [{"Ref": "Reading"}],
            },
        ),
        "Reading": (
            "AWS::IAM::ManagedPolicy",
            {"Description": "reads", "PolicyDocument": _allow("s3:GetObject" if changed else "s3:ListBucket", "*")},
        ),
        "Inline": (
            "AWS::IAM::Policy",
            {
                "PolicyName": "inline",
                "Roles": [{"Ref": "Role"}],
                "PolicyDocument": _allow("sqs:*" if changed else "sns:*", "*"),
            },
        ),
        "Secret": ("AWS::SecretsManager::Secret", {"Name": "everything/secret", "Description": f"secret {changed}"}),
    }


def _compute(changed: bool) -> dict[str, tuple[str, Json]]:
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


def _messages(changed: bool) -> dict[str, tuple[str, Json]]:
    publish = _allow("sns:Publish", {"Ref": "Alarms"}, Principal={"Service": "cloudwatch.amazonaws.com"})
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
