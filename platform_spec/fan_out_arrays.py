"""Where an array fan-out keeps its state: beside the plan, one document per waiting task. Pure."""

import hashlib

ENGINE = "array"


def document_uri(manifest_uri: str, dag_id: str, run_id: str, task_id: str, map_index: int) -> str:
    """Under `fanout/`, by the names of the waiting task."""
    names = "\x1f".join((dag_id, run_id, task_id, str(map_index)))
    return f"{manifest_uri.removesuffix('.json')}.{hashlib.sha256(names.encode()).hexdigest()[:16]}.array.json"
