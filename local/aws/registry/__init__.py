"""The image registry at `/v2/`, as ECR has it: nobody gets in without a token of GetAuthorizationToken.

ministack serves the registry protocol without asking who calls. Here the password is bound to the principal that
asked for it, and every request is judged as the ECR action it stands for.
"""

from ministack.services import ecr

from local.aws.iam.enforcement import Enforcement
from local.aws.options import Options
from local.aws.registry.gate import Gate
from local.aws.registry.tokens import Tokens


def install(options: Options, enforcement: Enforcement) -> Tokens:
    """Take the place of ministack's handlers (both are looked up at each call). Returns the issuer of passwords."""
    tokens = Tokens(options.endpoint)
    ecr._get_authorization_token = tokens.issue  # type: ignore[assignment]
    gate = Gate(tokens, enforcement, ecr.handle_registry_request)
    ecr.handle_registry_request = gate.handle  # type: ignore[assignment]
    return tokens
