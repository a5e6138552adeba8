"""RunInPod: the KubernetesPodOperator of the lanes. See docs/adr/0015-kubernetes-lane.md."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator

from lanes.attempts.identity import Attempt
from lanes.attempts.launch import Launch
from lanes.attempts.links import ContainerLink
from lanes.attempts.operator import LaneOperator
from lanes.kubernetes.launch import PodLaunch, launch_of
from lanes.this_deployment import deployment

if TYPE_CHECKING:
    from lanes.attempts.trigger import LaneTrigger


class PodLink(ContainerLink):
    """Kept under the same XCom as the ECS task's: the fan-out page shows either."""

    name = "EKS pod"

    @property
    def xcom_key(self) -> str:
        return ContainerLink().xcom_key


class RunInPod(LaneOperator, KubernetesPodOperator):  # type: ignore[misc]  # of `name` ours counts
    """Run `command` in a pod of the task `name` and pass on the URI of its result document.

    The same promises and arguments as lanes.ecs.operator.RunTask: the worker only decides; the trigger makes the pod,
    watches and ends the task.
    """

    ui_color = "#e6e3f4"
    operator_extra_links: Any = (PodLink(),)

    def __init__(
        self,
        *,
        name: str,
        command: list[str],
        size: str | None = None,
        environment: dict[str, str] | None = None,
        capacity: str | None = None,
        result: bool = True,
        deferrable: bool = True,
        aws_conn_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        lane, where = deployment().task(name), deployment().kubernetes
        super().__init__(
            name=name.replace("_", "-"),  # each pod gets a name of its own, made from the attempt
            namespace=where.namespace if where else None,
            image=lane.image,
            service_account_name=lane.service_account,
            kubernetes_conn_id=None,  # the cluster is the environment's, the way to it Airflow's own role
            deferrable=deferrable,
            **kwargs,
        )
        self.order(name, command, size, environment, capacity, result=result)
        self.aws_conn_id = aws_conn_id
        self.tags = None

    def launch_of(self, attempt: Attempt) -> PodLaunch:
        return launch_of(self, attempt, deployment())

    def trigger_of(self, launch: Launch, *, resume_on_success: bool) -> LaneTrigger:
        from lanes.kubernetes.trigger import RunInPodTrigger

        return RunInPodTrigger(launch.to_dict(), prepared_at=time.time(), resume_on_success=resume_on_success)
