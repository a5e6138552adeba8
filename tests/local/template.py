"""A template with every kind of resource that our stacks use or will use, in two states: as first deployed, changed."""

import json

from tests.local.template_parts import Json, allow, tags
from tests.local.template_services import compute, messages, security


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
            for part in (_network, _storage, security, compute, messages)
            for name, (kind, properties) in part(changed).items()
        },
        "Outputs": {"Range": {"Value": {"Fn::GetAtt": ["Vpc", "CidrBlock"]}}},
    }


def _network(changed: bool) -> dict[str, tuple[str, Json]]:
    vpc, group = {"Ref": "Vpc"}, {"Fn::GetAtt": ["Group", "GroupId"]}
    endpoint_policy = allow("s3:Get*" if changed else "s3:*", "*", Principal="*")
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
        "Address": ("AWS::EC2::EIP", {"Domain": "vpc", "Tags": tags(state=str(changed))}),
        "Nat": (
            "AWS::EC2::NatGateway",
            {
                "SubnetId": {"Ref": "Subnet"},
                "AllocationId": {"Fn::GetAtt": ["Address", "AllocationId"]},
                "Tags": tags(state=str(changed)),
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
        "Tags": tags(state=str(changed)),
        "VersioningConfiguration": {"Status": "Enabled"},
    }
    if not changed:
        bucket["NotificationConfiguration"] = {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    policy = allow(
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
