"""Errors in the shape the ECS API answers them (Amazon ECS API Reference, "Common Errors" and each action)."""

import json

Response = tuple[int, dict[str, str], bytes]


class EcsError(Exception):
    """An error answer: code as in the API reference, message, HTTP status 400 unless given."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status

    def response(self) -> Response:
        """The answer that SDKs parse."""
        body = json.dumps({"__type": self.code, "message": self.message}).encode()
        return self.status, {"Content-Type": "application/x-amz-json-1.1"}, body


def answer(payload: object) -> Response:
    """A success."""
    return 200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(payload).encode()
