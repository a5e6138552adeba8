"""Error answers in the form of each service's protocol.

Sources: "Common Errors" of the API References of Amazon ECS, CloudWatch Logs, S3, STS; Amazon EC2 API Reference, "Error
codes". JSON services: __type and message; S3, EC2 and the Query services: their XML documents.
"""

import json
from xml.sax.saxutils import escape

Answer = tuple[int, dict[str, str], bytes]
# How each service says "too fast"; the rest say ThrottlingException with status 400.
_THROTTLED = {
    "s3": ("SlowDown", 503, "Please reduce your request rate."),
    "ec2": ("RequestLimitExceeded", 503, "Request limit exceeded."),
    "sts": ("Throttling", 400, "Rate exceeded"),
    "iam": ("Throttling", 400, "Rate exceeded"),
    "cloudformation": ("Throttling", 400, "Rate exceeded"),
    "batch": ("TooManyRequestsException", 429, "Too Many Requests"),
    "sqs": ("ThrottlingException", 403, "Rate exceeded"),
}
# How each service says that it failed; the rest say InternalFailure with status 500.
_FAILED = {
    "ecs": ("ServerException", 500, "Service Unavailable. Please try again later."),
    "batch": ("ServerException", 500, "Service Unavailable. Please try again later."),
    "logs": ("ServiceUnavailableException", 503, "The service cannot complete the request."),
    "s3": ("InternalError", 500, "We encountered an internal error. Please try again."),
    "ec2": ("InternalError", 500, "An internal error has occurred"),
}
_QUERY = {"sts", "iam", "cloudformation", "sns"}


def throttled(service: str, request_id: str) -> Answer:
    """The service's throttling error."""
    code, status, message = _THROTTLED.get(service, ("ThrottlingException", 400, "Rate exceeded"))
    return error(service, request_id, code, status, message)


def failed(service: str, request_id: str, code: str = "", status: int = 0, message: str = "") -> Answer:
    """A server error, the service's usual one unless given."""
    usual = _FAILED.get(service, ("InternalFailure", 500, "An internal error has occurred."))
    return error(service, request_id, code or usual[0], status or usual[1], message or usual[2])


def error(service: str, request_id: str, code: str, status: int, message: str) -> Answer:
    """Any error in the service's form."""
    text = escape(message)
    if service == "s3":
        body = f"<Error><Code>{code}</Code><Message>{text}</Message><RequestId>{request_id}</RequestId></Error>"
    elif service == "ec2":
        inner = f"<Error><Code>{code}</Code><Message>{text}</Message></Error>"
        body = f"<Response><Errors>{inner}</Errors><RequestID>{request_id}</RequestID></Response>"
    elif service in _QUERY:
        kind = "Receiver" if status >= 500 else "Sender"
        inner = f"<Error><Type>{kind}</Type><Code>{code}</Code><Message>{text}</Message></Error>"
        body = f"<ErrorResponse>{inner}<RequestId>{request_id}</RequestId></ErrorResponse>"
    else:
        headers = {"Content-Type": "application/x-amz-json-1.1", "x-amzn-errortype": code}
        return status, headers, json.dumps({"__type": code, "message": message}).encode()
    return status, {"Content-Type": "application/xml"}, f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'.encode()
