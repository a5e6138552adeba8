"""What an analysis says of itself as a CloudWatch metric: a line of its log in embedded metric format.

Source: CloudWatch user guide, "Specification: Embedded metric format". The log driver of the container brings it there;
no right and no call is needed. Outside an environment (TASKLANE_ENVIRONMENT is not set) nothing is printed.
"""

import json
import os
import time

NAMESPACE = "Tasklane/Pipelines"
METRICS = {"Samples": "Count", "QuarantinedSamples": "Count", "QuarantinedPercent": "Percent"}


def print_sample_metrics(samples: int, quarantined: int) -> None:
    """How many samples were analysed, and how many of them were set aside."""
    environment = os.environ.get("TASKLANE_ENVIRONMENT")
    if not environment or not samples:
        return
    directive = {
        "Namespace": NAMESPACE,
        "Dimensions": [["Environment"], ["Environment", "Pipeline"]],
        "Metrics": [{"Name": name, "Unit": unit} for name, unit in METRICS.items()],
    }
    event = {
        "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]},
        "Environment": environment,
        "Pipeline": "microbiome",
        "Samples": samples,
        "QuarantinedSamples": quarantined,
        "QuarantinedPercent": round(100 * quarantined / samples, 2),
    }
    print(json.dumps(event), flush=True)
