"""The ids of child runs carry the state: whoever dispatches again finds what is there. Pure."""

from __future__ import annotations

import hashlib

_LONGEST_PARENT = 180  # a run id has at most 250 characters


def child_run_id(parent_run_id: str, manifest_sha: str, index: int, generation: int = 0) -> str:
    """Same parent run, same plan, same batch: the same child run. A new plan never adopts an old child.

    `generation` counts the times that a person resumed the batch with other settings: a new run, with a new conf.
    """
    again = f"__r{generation}" if generation else ""
    return f"{child_run_prefix(parent_run_id, manifest_sha)}{index:05d}{again}"


def child_run_prefix(parent_run_id: str, manifest_sha: str) -> str:
    """How the ids of all children of a fan-out begin."""
    if len(parent_run_id) > _LONGEST_PARENT:
        parent_run_id = f"{parent_run_id[:160]}~{hashlib.sha256(parent_run_id.encode()).hexdigest()[:12]}"
    return f"{parent_run_id}__{manifest_sha[:8]}__b"
