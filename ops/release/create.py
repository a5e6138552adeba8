"""`release create`: what is deployed and in this source becomes the running release.

Order: contents, then the record, then DAGs, then the manifest that names the release. Whoever is killed in between
leaves the running release as it was until DAG files change, and its record always: `rollback` restores it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ops.dags import Changes, differences, upload
from ops.errors import UserError
from ops.release.candidate import Candidate, candidate
from ops.release.record import Release
from ops.release.store import ReleaseStore
from ops.virtualenvs.publish import bundle_states, publish, worker_tasks
from ops.workspace import Workspace

Say = Callable[[str], None]


@dataclass(frozen=True)
class Outcome:
    """`created` is False when what runs is already the same."""

    release: Release
    created: bool
    changes: Changes

    def as_dict(self) -> dict[str, object]:
        return {"release": self.release.id, "created": self.created, "dags": vars(self.changes)}


def create_release(workspace: Workspace, say: Say, *, promoted_from: str = "", dags: Mapping[str, bytes] | None = None,
                   dry_run: bool = False) -> Outcome:  # fmt: skip
    """Make and activate a release; the caller holds the lock."""
    store = ReleaseStore(workspace)
    made, running = candidate(workspace, promoted_from=promoted_from, dags=dags), store.running()
    refuse_uncommitted(workspace, made.release)
    if running is not None and running.content == made.release.content:
        changes = upload(workspace, made.dags, running.manifest, dry_run=dry_run)  # puts right what others changed
        say(f"release: {running.id} runs already with this content" + (_shown(changes) if changes else ""))
        return Outcome(running, False, changes)
    if dry_run:
        return Outcome(made.release, True, differences(running.dags if running else {}, made.release.dags))
    publish(workspace, bundle_states(workspace, worker_tasks(workspace)), say)
    store.add_blobs([*made.dags.values(), *made.files.values()])
    store.add(made.release)
    changes = _activate(workspace, store, made)
    say(f"release: {made.release.id}{_shown(changes)}")
    return Outcome(made.release, True, changes)


def refuse_uncommitted(workspace: Workspace, release: Release) -> None:
    """UserError where data is kept (stg, prod) and the source is in no commit: nobody could say what runs."""
    if release.dirty and workspace.environment.keeps_data:
        raise UserError(
            f"{workspace.root} has changes that are not committed, and environment {workspace.environment_name} "
            f"(keeps_data = true) takes releases of commits only; commit or revert them (git status)"
        )


def _activate(workspace: Workspace, store: ReleaseStore, made: Candidate) -> Changes:
    changes = upload(workspace, made.dags, made.release.manifest)
    store.activated(made.release, "promote" if made.release.promoted_from else "create", made.release.author)
    return changes


def _shown(changes: Changes) -> str:
    return (
        f" ({len(changes.added)} files added, {len(changes.changed)} changed, {len(changes.removed)} removed, "
        f"{changes.unchanged} unchanged)"
    )
