"""ECR repositories (Amazon ECR API Reference)."""

from typing import Any

from botocore.exceptions import ClientError

from local.aws.compare.readers.base import Deployed, Json, Reader, template_names


def _repository(clients: Any, name: str, own: Json) -> Deployed:
    ecr = clients("ecr")
    found = ecr.describe_repositories(repositoryNames=[name])["repositories"][0]
    properties = template_names(found)
    properties["Tags"] = ecr.list_tags_for_resource(resourceArn=found["repositoryArn"])["tags"]
    try:
        text = ecr.get_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"]
        properties["LifecyclePolicy"] = {"LifecyclePolicyText": text}
    except ClientError as error:
        if error.response["Error"]["Code"] != "LifecyclePolicyNotFoundException":
            raise
    try:
        properties["RepositoryPolicyText"] = ecr.get_repository_policy(repositoryName=name)["policyText"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "RepositoryPolicyNotFoundException":
            raise
    return Deployed(properties, {"Arn": found["repositoryArn"], "RepositoryUri": found["repositoryUri"]})


READERS: dict[str, Reader] = {"AWS::ECR::Repository": _repository}
