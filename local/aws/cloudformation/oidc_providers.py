"""AWS::IAM::OIDCProvider (Template Reference): its ARN is made of the issuer's address without the scheme."""

from ministack.core.responses import get_account_id
from ministack.services import iam

from local.aws.cloudformation.registry import Json, Made, checked, expect, register


def install() -> None:
    """Register the type; another Url is another provider."""
    register("AWS::IAM::OIDCProvider", _create, None, _delete)


def _create(logical_id: str, properties: Json, stack: str) -> Made:
    expect("AWS::IAM::OIDCProvider", properties, {"Url", "ClientIdList", "ThumbprintList", "Tags"})
    asked = {"Url": [properties["Url"]]}
    for member, values in (("ClientIDList", "ClientIdList"), ("ThumbprintList", "ThumbprintList")):
        for number, value in enumerate(properties.get(values, []), start=1):
            asked[f"{member}.member.{number}"] = [value]
    for number, tag in enumerate(properties.get("Tags", []), start=1):
        asked |= {f"Tags.member.{number}.{key}": [str(tag[key])] for key in ("Key", "Value")}
    checked(iam._create_oidc_provider(asked))
    host = properties["Url"].split("://", 1)[-1].rstrip("/")
    arn = f"arn:aws:iam::{get_account_id()}:oidc-provider/{host}"
    return arn, {"Arn": arn}


def _delete(arn: str, properties: Json) -> None:
    iam._oidc_providers.pop(arn, None)
