"""The fault switch: rules that make calls and tasks fail on purpose, repeatably, and count how often they did.

`POST /_tasklane/faults {"seed": 7, "rules": [{"fault": "throttle", "service": "ecs", "rate": 0.2}]}` adds rules (or
replaces all with `"replace": true`), GET lists them with their counters, DELETE removes them.

| fault | extra members | effect |
|---|---|---|
| throttle | service, action | the service's throttling error |
| quota | service, action, burst, per_second | calls beyond the token bucket get the throttling error |
| error | service, action, status, code, message | the service's 5xx, or the given error |
| latency | service, action, seconds | the call takes so much longer |
| lost_answer | service, action | the action happens, the connection ends without an answer |
| lost_request | service, action | the connection ends, nothing happens |
| capacity | provider, reason, as ("failure" or "exception") | RunTask finds no capacity |
| spot | family, provider, seconds | a running Spot task is interrupted after so many seconds |
| memory | family, provider, seconds | a running task is killed as out of memory |
| pull_error | family, provider, reason | the image cannot be pulled |
| start_latency | family, provider, seconds | the task stays PENDING so long |
| slow_resource | type, seconds | CloudFormation takes so long to create or update a resource of that type |

All: rate (0-1), count (at most so many firings), skip (first matches pass), delay_seconds, for_seconds. `seconds` is a
number or [least, most].
"""

import asyncio
from threading import Lock
from typing import TYPE_CHECKING, Any

from ministack import app as ministack_app
from ministack.core.iam_actions import extract_iam_action
from ministack.core.router import detect_service

from local.aws.faults import answers
from local.aws.faults.rules import CALL_FAULTS, Rule
from local.aws.lost_answer import LostAnswer

if TYPE_CHECKING:
    from local.aws.ecs.agent import Agent
    from local.aws.ecs.task_run import TaskRun

Json = dict[str, Any]
_CAPACITY = "Capacity is unavailable at this time. Please try again later or in a different availability zone"


class FaultSwitch:
    """All rules. Calls come in on the server's loop, task questions on the agent's thread and on request threads."""

    def __init__(self) -> None:
        self._rules: list[Rule] = []
        self._next, self._seed = 1, 0
        self._lock = Lock()
        self.armed = False

    def connect(self, agent: "Agent") -> None:
        """The agent whose tasks are interrupted or killed."""
        self._agent = agent

    def add(self, asked: Any) -> Json:
        """Add rules; answers all rules. Raises ValueError for a rule that cannot be understood (then none is added)."""
        if not isinstance(asked, dict) or not isinstance(asked.get("rules"), list):
            raise ValueError('the body must be {"rules": [{"fault": …}, …], "seed": 0, "replace": false}')
        with self._lock:
            self._seed = int(asked.get("seed", self._seed))
            made = [Rule.parse(self._next + index, rule, self._seed) for index, rule in enumerate(asked["rules"])]
            self._next += len(made)
            self._rules = made if asked.get("replace") else self._rules + made
            self.armed = bool(self._rules)
        for record in self._agent.records():
            if record["lastStatus"] == "RUNNING":
                self.task_runs(record, made)
        return self.describe()

    def clear(self) -> None:
        """Remove all rules; interruptions that are already due still come."""
        with self._lock:
            self._rules, self._next, self.armed = [], 1, False

    def describe(self) -> Json:
        """Rules and how often each matched and fired."""
        with self._lock:
            return {"seed": self._seed, "rules": [rule.describe() for rule in self._rules]}

    async def around(self, stock: Any, *request: Any) -> Any:
        """Serve a call under the rules; stock is the router, request its arguments."""
        method, path, headers, body, query_params, request_id = request
        parameters = ministack_app._routing_params(method, path, headers, body, query_params)
        service = detect_service(method, path, headers, parameters)
        action = (extract_iam_action(service, method, path, headers, body, parameters) or ":").split(":", 1)[1]
        lost = False
        for rule in self._firing(lambda rule: rule.fault in CALL_FAULTS and rule.matches_call(service, action)):
            match rule.fault:
                case "latency":
                    await asyncio.sleep(rule.seconds())
                case "throttle" | "quota":
                    return answers.throttled(service, request_id)
                case "error":
                    named = {key: rule.given[key] for key in ("code", "status", "message") if key in rule.given}
                    return answers.failed(service, request_id, **named)
                case "lost_request":
                    raise LostAnswer
                case _:
                    lost = True
        answer = await stock(*request)
        if lost:
            raise LostAnswer
        return answer

    def capacity_failure(self, providers: set[str]) -> Any:
        """For RunTask on some providers: a failure entry, an error answer, or None."""

        def concerned(rule: Rule) -> bool:
            return rule.fault == "capacity" and rule.given.get("provider", "*") in {"*", *providers}

        for rule in self._firing(concerned):
            reason = rule.given.get("reason", _CAPACITY)
            if rule.given.get("as", "failure") == "failure":
                return {"reason": reason}
            return answers.error("ecs", "", "ClientException", 400, reason)
        return None

    def slows(self, resource_type: str) -> bool:
        """Whether a rule is about resources of this type."""
        with self._lock:
            return any(_is_about(rule, resource_type) for rule in self._rules)

    def resource_seconds(self, resource_type: str) -> float:
        """Seconds that CloudFormation needs for one resource."""
        return sum(rule.seconds() for rule in self._firing(lambda rule: _is_about(rule, resource_type)))

    def start_latency(self, record: Json) -> float:
        """Seconds a task stays PENDING."""
        return sum(rule.seconds() for rule in self._task_rules("start_latency", record))

    def pull_error(self, record: Json) -> str | None:
        """The reason why the image cannot be pulled, or None."""
        for rule in self._task_rules("pull_error", record):
            usual = "CannotPullContainerError: pull image manifest has been retried 5 time(s): 503 Service Unavailable"
            return str(rule.given.get("reason", usual))
        return None

    def task_runs(self, record: Json, rules: list[Rule] | None = None) -> None:
        """A task reached RUNNING: it may be interrupted or killed later."""
        for rule in self._task_rules("spot", record, rules):
            self._later(record, rule, _interrupt)
        for rule in self._task_rules("memory", record, rules):
            self._later(record, rule, _kill_for_memory)

    def _later(self, record: Json, rule: Rule, action: Any) -> None:
        seconds = rule.seconds()
        self._agent.tell(record["taskArn"], lambda run: run.later(seconds, lambda: action(run)))

    def _task_rules(self, fault: str, record: Json, rules: list[Rule] | None = None) -> list[Rule]:
        return self._firing(lambda rule: rule.fault == fault and rule.matches_task(record), rules)

    def _firing(self, concerned: Any, rules: list[Rule] | None = None) -> list[Rule]:
        with self._lock:
            return [rule for rule in (self._rules if rules is None else rules) if concerned(rule) and rule.fires()]


def _is_about(rule: Rule, resource_type: str) -> bool:
    return rule.fault == "slow_resource" and rule.given.get("type") == resource_type


def _interrupt(run: "TaskRun") -> None:
    run.stop("SpotInterruption", "Your Spot Task was interrupted.")


def _kill_for_memory(run: "TaskRun") -> None:
    run.kill_for_memory()
