"""From source to registry: what is missing is built and pushed, what is there stays untouched."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from ops.errors import UserError
from ops.images.engines import Engine, answering_engine, find_engine
from ops.images.labels import image_labels
from ops.images.login import log_in
from ops.images.registry import Registry
from ops.images.repositories import SBOM_SUFFIX, NoRepositoryError, digest_of_tag
from ops.images.sbom import MEDIA_TYPE, bill_of_materials
from ops.source import source_of
from ops.workspace import Workspace
from platform_spec.content import content_tag
from platform_spec.tasks import Task

Say = Callable[[str], None]
LOCAL_NAME = "localhost/tasklane"


@dataclass(frozen=True)
class ImageState:
    """One task's image: `digest` is what the registry has under the source's tag; "" = nothing."""

    task: str
    tag: str
    digest: str
    built: bool

    @property
    def action(self) -> str:
        return "none" if self.digest else "push" if self.built else "build and push"

    def as_dict(self) -> dict[str, object]:
        return {**asdict(self), "action": self.action}


def chosen(workspace: Workspace, names: Sequence[str]) -> list[Task]:
    """The named tasks, or all; UserError for one that does not exist."""
    unknown = [name for name in names if name not in workspace.tasks]
    if unknown:
        known = ", ".join(workspace.tasks) or "none"
        raise UserError(f"no task {', '.join(unknown)} (allowed: {known}); a task is a folder task_images/<task>/")
    return [workspace.tasks[name] for name in names or workspace.tasks]


def image_states(
    workspace: Workspace, tasks: Sequence[Task], *, ask_registry: bool = True, planning: bool = False
) -> list[ImageState]:
    """What is to do for each task; the registry is asked for all at once.

    When `planning`, a repository that is still to be made holds nothing; otherwise it is an error.
    """
    engine = answering_engine()

    def pushed(task: Task, tag: str) -> str:
        try:
            return (digest_of_tag(workspace, task.name, tag) if ask_registry else None) or ""
        except NoRepositoryError:
            if planning:
                return ""
            raise

    def state(task: Task) -> ImageState:
        tag = content_tag(task.folder, task.architecture)
        digest = pushed(task, tag)
        built = not digest and engine is not None and engine.has(local_image(task, tag))
        return ImageState(task.name, tag, digest, built)

    with ThreadPoolExecutor(max_workers=8) as pool:
        return list(pool.map(state, tasks))


def build(workspace: Workspace, states: Sequence[ImageState], say: Say, arguments: dict[str, str]) -> None:
    """Build what is neither in the registry nor on this machine."""
    missing = [state for state in states if state.action == "build and push"]
    engine = find_engine() if missing else None
    for state in missing:
        assert engine is not None  # noqa: S101 (for the type checker: something is missing)
        _build_one(workspace, engine, state, say, arguments)


def push(workspace: Workspace, states: Sequence[ImageState], say: Say) -> list[ImageState]:
    """Push what the registry does not have, with its bill of materials; returns all states with their digests."""
    if all(state.digest for state in states):
        return list(states)
    engine, login = find_engine(), log_in(workspace)
    done = []
    with Registry(login) as registry:
        for state in states:
            done.append(state if state.digest else _push_one(workspace, engine, registry, state, say))
    return done


def local_image(task: Task, tag: str) -> str:
    """The image's name on this machine, shared with `tasklane local up`."""
    return f"{LOCAL_NAME}/{task.name}:{tag}"


def _build_one(workspace: Workspace, engine: Engine, state: ImageState, say: Say, arguments: dict[str, str]) -> None:
    task = workspace.tasks[state.task]
    say(f"images: building {task.name} {state.tag} for {task.architecture} with {engine.name}")
    labels = image_labels(task, source_of(workspace.root), state.tag, now=datetime.now(UTC))
    engine.build(task, local_image(task, state.tag), labels=labels, arguments=arguments)


def _push_one(workspace: Workspace, engine: Engine, registry: Registry, state: ImageState, say: Say) -> ImageState:
    task, repository = workspace.tasks[state.task], workspace.names.repository(state.task)
    say(f"images: pushing {task.name} {state.tag}")
    engine.push(local_image(task, state.tag), f"{registry.host}/{repository}:{state.tag}", log_in(workspace))
    digest = digest_of_tag(workspace, task.name, state.tag)
    if digest is None:
        raise UserError(f"{repository}:{state.tag} was pushed, but ECR does not list it; try again")
    document = bill_of_materials(task, state.tag, now=datetime.now(UTC))
    registry.attach(repository, digest, state.tag + SBOM_SUFFIX, MEDIA_TYPE, document)
    return ImageState(state.task, state.tag, digest, built=True)
