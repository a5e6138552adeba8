"""Who may see a fan-out: Airflow's own login, and its permission on the runs of the parent and of the child DAG."""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from fastapi import HTTPException


def may_read(user: Any, dag_id: str) -> bool:
    details = DagDetails(id=dag_id)
    return get_auth_manager().is_authorized_dag(
        method="GET", access_entity=DagAccessEntity.RUN, details=details, user=user
    )


def require_log(user: Any, dag_id: str) -> None:
    """403 unless `user` may read the logs of the DAG's tasks."""
    entity, details = DagAccessEntity.TASK_LOGS, DagDetails(id=dag_id)
    if not get_auth_manager().is_authorized_dag(method="GET", access_entity=entity, details=details, user=user):
        raise HTTPException(403, f"no permission to read the task logs of DAG {dag_id}")


def require_read(user: Any, *dag_ids: str) -> None:
    """403 unless `user` may read the runs of each DAG."""
    for dag_id in dag_ids:
        if not may_read(user, dag_id):
            raise HTTPException(403, f"no permission to read the runs of DAG {dag_id}")
