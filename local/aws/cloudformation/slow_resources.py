"""Resources that take their time, on the fault switch's word: in AWS, creating one takes from seconds to 40 minutes.

Slow ones run on a thread of their own, as ministack runs those that block, so that the server answers meanwhile.
"""

import time
from collections.abc import Callable
from typing import Any

from ministack.services.cloudformation import stacks

from local.aws.faults.switch import FaultSwitch


def install(faults: FaultSwitch) -> None:
    """Take the place of the engine's calls (looked up at each use)."""
    stock_threads = stacks._runs_on_worker_thread
    stacks._runs_on_worker_thread = lambda resource_type: stock_threads(resource_type) or faults.slows(resource_type)

    def slowly(stock: Callable[..., Any]) -> Callable[..., Any]:
        def act(resource_type: str, *arguments: Any) -> Any:
            if seconds := faults.resource_seconds(resource_type):
                time.sleep(seconds)
            return stock(resource_type, *arguments)

        return act

    stacks._provision_resource = slowly(stacks._provision_resource)
    stacks._update_resource = slowly(stacks._update_resource)
