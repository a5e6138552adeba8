"""CloudWatch alarms where ministack differs from AWS: an alarm looks at the metric that has exactly its dimensions.

ministack's looks at every metric of that name, so that one lane's failure rings the alarms of all.
"""

from types import FunctionType
from typing import Any

from ministack.services import cloudwatch


def install() -> None:
    """Evaluate alarms with the code that is there, before which there is one metric only."""
    code = cloudwatch._evaluate_alarm.__code__

    def evaluate(alarm: dict[str, Any]) -> None:
        wanted = cloudwatch._dims_key(cloudwatch._dims_from_list(alarm.get("Dimensions") or []))
        own = {key: points for key, points in cloudwatch._metrics.items() if key[2] == wanted}
        FunctionType(code, {**vars(cloudwatch), "_metrics": own})(alarm)

    cloudwatch._evaluate_alarm = evaluate
