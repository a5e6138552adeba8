"""Who may deploy an environment: the roles of its pipeline, taken by GitHub's OpenID Connect tokens.

Deployed once by a person with rights in the account; every later deployment runs as the deploy role.
"""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from platform_spec.cost_tags import ENVIRONMENT_TAG, PROJECT_TAG
from platform_spec.delivery_settings import DeliverySettings
from platform_spec.environments import Environment
from platform_spec.naming import PROJECT, Names
from stacks.components.delivery_policies import DeliveryPolicies

ISSUER = "token.actions.githubusercontent.com"
_SESSION = Duration.hours(3)  # an MWAA environment is created or updated in up to an hour; two may follow each other


def add_delivery(app: cdk.App, *, env: Environment, names: Names) -> DeliveryStack | None:
    """The stack, where the environment has a pipeline."""
    if env.delivery is None:
        return None
    stack = DeliveryStack(
        app,
        names.stack("delivery"),
        settings=env,
        delivery=env.delivery,
        names=names,
        stack_name=names.stack("delivery"),
        env=cdk.Environment(account=env.account, region=env.region),
        description=f"Tasklane {env.name}: who may deploy it",
        termination_protection=True,
    )
    for key, value in {PROJECT_TAG: PROJECT, ENVIRONMENT_TAG: env.name}.items():
        cdk.Tags.of(stack).add(key, value)
    return stack


class DeliveryStack(Stack):
    """`tasklane-<env>-deploy` for jobs of the GitHub environment `<env>`; `tasklane-<env>-plan`, reading, for others.

    A GitHub environment can demand a branch, a tag or an approval before a job gets its token: that is where "prod
    after approval" is enforced.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        settings: Environment,
        delivery: DeliverySettings,
        names: Names,
        **stack: Any,
    ) -> None:
        super().__init__(scope, id_, **stack)
        if delivery.creates_provider:
            iam.CfnOIDCProvider(self, "GitHub", url=f"https://{ISSUER}", client_id_list=["sts.amazonaws.com"])
        policies = DeliveryPolicies(self, names=names)
        readers = [_role_of(arn) for arn in delivery.readers]
        repository = f"repo:{delivery.repository}"
        deployer = self._github(f"{repository}:environment:{settings.name}")
        reader = iam.CompositePrincipal(self._github(f"{repository}:pull_request"), *readers)
        deploy = self._role("Deploy", names.deploy_role, deployer, "deploys")
        plan = self._role("Plan", names.plan_role, reader, "reads")
        self.read = iam.ManagedPolicy(self, "Read", roles=[deploy, plan], statements=policies.read())
        self.write = iam.ManagedPolicy(self, "Write", roles=[deploy], statements=policies.write())

    def _role(self, id_: str, name: str, principal: iam.IPrincipal, does: str) -> iam.Role:
        return iam.Role(
            self,
            id_,
            role_name=name,
            assumed_by=principal,
            max_session_duration=_SESSION,
            description=f"The pipeline {does} with it",
        )

    def _github(self, subject: str) -> iam.PrincipalBase:
        """Exactly one kind of job of exactly one repository."""
        provider = f"arn:{self.partition}:iam::{self.account}:oidc-provider/{ISSUER}"
        conditions = {"StringEquals": {f"{ISSUER}:aud": "sts.amazonaws.com", f"{ISSUER}:sub": subject}}
        return iam.OpenIdConnectPrincipal(
            iam.OpenIdConnectProvider.from_open_id_connect_provider_arn(self, f"Provider{len(subject)}", provider),
            conditions=conditions,
        )


def _role_of(arn: str) -> iam.IPrincipal:
    """A role of another account; named by a condition, because a principal must exist before it is named."""
    return iam.AccountPrincipal(arn.split(":")[4]).with_conditions({"ArnEquals": {"aws:PrincipalArn": arn}})
