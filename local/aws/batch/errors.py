"""Answers in the shape of the Batch API (API Reference, "Common Errors": ClientException, ServerException)."""

import json

Response = tuple[int, dict[str, str], bytes]


class BatchError(Exception):
    """A ClientException: the request, or the resource it names, is not valid (HTTP 400)."""

    def response(self) -> Response:
        """The answer that SDKs parse."""
        headers = {"Content-Type": "application/json", "x-amzn-errortype": "ClientException"}
        return 400, headers, json.dumps({"message": str(self)}).encode()


class Denied(Exception):
    """The caller may not do it; `response` is AWS's answer."""

    def __init__(self, response: Response) -> None:
        super().__init__("denied")
        self.response = response


def answer(payload: object) -> Response:
    """A success."""
    return 200, {"Content-Type": "application/json"}, json.dumps(payload).encode()
