"""The public rule sets that every environment is checked against."""

from __future__ import annotations

import aws_cdk as cdk
import cdk_nag


def add_rule_packs(app: cdk.App) -> None:
    """A finding that acknowledgements.py does not have fails the synth; <output>/validation-report.json lists all."""
    cdk.Validations.of(app).add_plugins(
        cdk_nag.AwsSolutionsChecks(app), cdk_nag.HIPAASecurityChecks(app), cdk_nag.NIST80053R5Checks(app)
    )
