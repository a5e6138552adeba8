"""Around ministack's router: remember the request being served, let the fault switch act on it, note changes."""

from collections.abc import Awaitable, Callable

from ministack import app as ministack_app
from ministack.core.router import extract_access_key_id

from local.aws.faults.switch import FaultSwitch
from local.aws.iam.request import ApiRequest, current
from local.aws.snapshots import Snapshots

Response = tuple[int, dict[str, str], object]
Handler = Callable[[str, str, dict, bytes, dict, str], Awaitable[Response]]


def install(faults: FaultSwitch, snapshots: Snapshots) -> None:
    """Wrap the router (ministack's ASGI function looks it up at each request)."""
    stock: Handler = ministack_app._dispatch_service_request

    async def dispatch(
        method: str, path: str, headers: dict, body: bytes, query_params: dict, request_id: str
    ) -> Response:
        access_key = extract_access_key_id(headers, query_params) or ""
        current.set(ApiRequest(headers, body, access_key, request_id))
        try:
            if not faults.armed:
                return await stock(method, path, headers, body, query_params, request_id)
            return await faults.around(stock, method, path, headers, body, query_params, request_id)
        finally:
            snapshots.note(method, headers, body)

    ministack_app._dispatch_service_request = dispatch
