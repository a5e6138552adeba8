"""In front of ministack's registry: who is it, and may they?

Source: Amazon ECR User Guide, "Required IAM permissions for pushing an image"; Service Authorization Reference.
"""

import json
from collections.abc import Awaitable, Callable

from ministack.core.iam_evaluator import find_iam_access_key_account
from ministack.core.responses import get_account_id, get_region, set_request_account_id
from ministack.services import ecr

from local.aws.iam.enforcement import Enforcement
from local.aws.registry.tokens import Tokens

Answer = tuple[int, dict[str, str], bytes]
Handler = Callable[[str, str, dict, bytes, dict], Awaitable[Answer]]

# (kind of path, method) to the action ECR judges it by.
ACTIONS = {
    ("blob_uploads", "POST"): "ecr:InitiateLayerUpload",
    ("blob_upload_session", "PATCH"): "ecr:UploadLayerPart",
    ("blob_upload_session", "PUT"): "ecr:CompleteLayerUpload",
    ("blob_upload_session", "GET"): "ecr:UploadLayerPart",
    ("blob", "HEAD"): "ecr:BatchCheckLayerAvailability",
    ("blob", "GET"): "ecr:GetDownloadUrlForLayer",
    ("manifest", "PUT"): "ecr:PutImage",
    ("manifest", "HEAD"): "ecr:BatchGetImage",
    ("manifest", "GET"): "ecr:BatchGetImage",
    ("tags_list", "GET"): "ecr:ListImages",
}


class Gate:
    """Lets through what the holder of the password may do."""

    def __init__(self, tokens: Tokens, enforcement: Enforcement, stock: Handler) -> None:
        self._tokens, self._enforcement, self._stock = tokens, enforcement, stock

    async def handle(self, method: str, path: str, headers: dict, body: bytes, query_params: dict) -> Answer:
        """One request of the registry protocol."""
        authorization = next((value for name, value in headers.items() if name.lower() == "authorization"), "")
        key = self._tokens.access_key(authorization)
        if key is None:
            return _refusal(401, "UNAUTHORIZED", "authentication required: `aws ecr get-login-password`")
        # One address for all accounts, where AWS has one for each: the password says whose registry is meant.
        set_request_account_id(find_iam_access_key_account(key) or key)
        kind, repository, _reference = ecr._parse_v2_path(path) or ("", "", "")
        if kind != "ping":
            refused = self._judge(key, (kind, method.upper()), repository)
            if refused:
                return refused
        return await self._stock(method, path, headers, body, query_params)

    def _judge(self, key: str, request: tuple[str, str], repository: str) -> Answer | None:
        action = ACTIONS.get(request)
        if action is None:  # the catalog, and deleting through the registry protocol: ECR has neither
            return _refusal(405, "UNSUPPORTED", "ECR does not serve this request")
        # The stores are kept by Region, and a registry request names none: the repository's own.
        region = _region_of(repository)
        arn = f"arn:aws:ecr:{region}:{get_account_id()}:repository/{repository}"
        if self._enforcement.enforce(key, action, "ecr", region, arn) is None:
            return None
        return _refusal(403, "DENIED", f"User: {key} is not authorized to perform: {action} on resource: {arn}")


def _region_of(repository: str) -> str:
    own = get_account_id()
    known = [r for (account, r, name), _entry in ecr._repositories.all_items() if (account, name) == (own, repository)]
    return known[0] if len(known) == 1 else get_region()


def _refusal(status: int, code: str, message: str) -> Answer:
    headers = {"Content-Type": "application/json", "Docker-Distribution-API-Version": "registry/2.0"}
    if status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="ecr"'
    return status, headers, json.dumps({"errors": [{"code": code, "message": message}]}).encode()
