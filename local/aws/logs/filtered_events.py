"""FilterLogEvents with what ministack leaves out: pages, limits, and the refusal of streams that do not exist.

Source: Amazon CloudWatch Logs API Reference, FilterLogEvents: 1-100 logStreamNames, limit 1-10,000; a page holds at
most 1 MB; events are sorted by timestamp and time of ingestion; without nextToken the answer is complete. Requests with
a filterPattern are left to ministack.
"""

import heapq
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from ministack.core.responses import error_response_json, json_response
from ministack.services import cloudwatch_logs

Json = dict[str, Any]
_MOST_STREAMS, _MOST_EVENTS, _PAGE_BYTES = 100, 10_000, 1_048_576


def install() -> None:
    """Take the place of ministack's handler."""
    stock: Callable[[Json], tuple] = cloudwatch_logs._filter_log_events

    def handler(data: Json) -> tuple:
        group = cloudwatch_logs._log_groups.get(cloudwatch_logs._resolve_log_group_name(data))
        if group is None or data.get("filterPattern"):
            return stock(data)
        if problem := _problem(data, group["streams"]):
            return error_response_json(*problem, 400)
        return json_response(_page(data, group["streams"]))

    cloudwatch_logs._filter_log_events = handler


def _problem(data: Json, streams: Json) -> tuple[str, str] | None:
    names, limit = data.get("logStreamNames"), data.get("limit", _MOST_EVENTS)
    if names is not None and not 1 <= len(names) <= _MOST_STREAMS:
        return "InvalidParameterException", f"logStreamNames: {len(names)} names, allowed 1 to {_MOST_STREAMS}"
    if not 1 <= int(limit) <= _MOST_EVENTS:
        return "InvalidParameterException", f"limit {limit} is out of range: 1 to {_MOST_EVENTS}"
    if not str(data.get("nextToken") or 0).isdigit():
        return "InvalidParameterException", "The specified nextToken is invalid."
    if any(name not in streams for name in names or ()):
        return "ResourceNotFoundException", "The specified log stream does not exist."
    return None


def _page(data: Json, streams: Json) -> Json:
    """The token is the number of events that came before."""
    prefix = data.get("logStreamNamePrefix", "")
    names = data.get("logStreamNames") or [name for name in streams if name.startswith(prefix)]
    with cloudwatch_logs._log_events_lock:
        found = [(name, _between(streams[name]["events"], data)) for name in names]
    merged = heapq.merge(
        *(_named(name, events) for name, events in found),
        key=lambda event: (event["timestamp"], event.get("ingestionTime", 0)),
    )
    begin, page, size = int(data.get("nextToken") or 0), [], 0
    for event in islice(merged, begin, None):
        size += len(event["message"].encode()) + 26
        if page and (size > _PAGE_BYTES or len(page) == int(data.get("limit", _MOST_EVENTS))):
            return {"events": page, "searchedLogStreams": [], "nextToken": str(begin + len(page))}
        page.append(event)
    return {"events": page, "searchedLogStreams": []}


def _between(events: list[Json], data: Json) -> list[Json]:
    start, end = data.get("startTime"), data.get("endTime")
    first = 0 if start is None else bisect_left(events, start, key=_timestamp)
    return events[first : None if end is None else bisect_right(events, end, key=_timestamp)]


def _named(name: str, events: list[Json]) -> Iterator[Json]:
    return ({**event, "logStreamName": name} for event in events)


def _timestamp(event: Json) -> int:
    return int(event["timestamp"])
