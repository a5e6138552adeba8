"""A task of the lane ec2: the same container, on instances instead of Fargate."""

from __future__ import annotations

from aws_cdk import aws_ecs as ecs

from platform_spec.naming import Names
from stacks.components.fargate_task import FargateTask


class Ec2Task(FargateTask):
    """Its default size is the task's limit; other sizes, GPUs and instance types are RunTask overrides."""

    def _made_for_its_lane(self, names: Names) -> ecs.TaskDefinition:
        size = self.task.sizes[self.task.default_size]
        return ecs.TaskDefinition(
            self,
            "Definition",
            family=names.family(self.task.name),
            compatibility=ecs.Compatibility.EC2,
            network_mode=ecs.NetworkMode.AWS_VPC,
            cpu=str(size.cpu_units),
            memory_mib=str(size.memory_mib),
            task_role=self.task_role,
            execution_role=self.execution_role,
            volumes=[ecs.Volume(name="scratch")],
        )
