"""Bundles in the DAG bucket: what is missing is uploaded, each object once; the document that names them last."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

from ops.errors import UserError
from ops.objects import Bucket
from ops.virtualenvs.bundle import Made, make_bundle
from ops.workspace import Workspace
from platform_spec.content import content_tag
from platform_spec.tasks import Task
from platform_spec.virtualenvs import Bundle, bundle_key

Say = Callable[[str], None]
_THREADS = 8


@dataclass(frozen=True)
class BundleState:
    """One task's bundle; `published` whether the bucket has the one of this source."""

    task: str
    tag: str
    published: bool

    def as_dict(self) -> dict[str, object]:
        return {**asdict(self), "action": "none" if self.published else "publish"}


def worker_tasks(workspace: Workspace, names: Sequence[str] = ()) -> list[Task]:
    """The named tasks of the lane `virtualenv`, or all of them; UserError for others."""
    known = {name: task for name, task in workspace.tasks.items() if not task.has_image}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UserError(f"no task {', '.join(unknown)} of lane virtualenv (allowed: {', '.join(known) or 'none'})")
    return [known[name] for name in names or known]


def bundle_states(workspace: Workspace, tasks: Sequence[Task]) -> list[BundleState]:
    tags = {task.name: content_tag(task.folder, task.architecture) for task in tasks}
    bucket = Bucket(workspace)
    return [BundleState(name, tag, _is_complete(bucket, bundle_key(name, tag))) for name, tag in tags.items()]


def _is_complete(bucket: Bucket, key: str) -> bool:
    """Whether the bundle is there and all that it names: a worker that misses a wheel says `publish` mends it."""
    content = bucket.get(key)
    if content is None:
        return False
    bundle = Bundle.read(content)
    needed = {bundle.source_key, bundle.pip.key, *(wheel.key for wheel in bundle.wheels)}
    return bucket.heads(needed).keys() == needed


def publish(workspace: Workspace, states: Sequence[BundleState], say: Say) -> None:
    """Publish what is missing."""
    for state in states:
        if not state.published:
            made = make_bundle(workspace.tasks[state.task], workspace.root / "build/wheels")
            uploaded = _upload(Bucket(workspace), made)
            say(f"virtualenvs: {state.task} {state.tag}: {len(made.files)} wheels, {uploaded} of them new")


def _upload(bucket: Bucket, made: Made) -> int:
    """Number of wheels written. A wheel that is there is of the same content: its key is its hash."""
    known = bucket.heads(made.files)

    def put(key: str) -> None:
        bucket.put_once(key, made.files[key].read_bytes())

    missing = [key for key in made.files if key not in known]
    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(put, missing))
    bucket.put_once(made.bundle.source_key, made.source)
    bucket.put_once(made.key, made.bundle.to_json())
    return len(missing)
