"""The stacks: synthesized when their inputs changed, compared with what is deployed, deployed by the CDK CLI."""
