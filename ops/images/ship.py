"""From source to registry: what is missing is built and pushed, what is there stays untouched."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from ops.errors import UserError
from ops.images.base import declared_base, recorded_base
from ops.images.debian import FILES
from ops.images.engines import Engine, answering_engine, build_options, find_engine
from ops.images.labels import image_labels
from ops.images.login import log_in
from ops.images.registry import Registry
from ops.images.repositories import SBOM_SUFFIX, NoRepositoryError, digest_of_tag, digests_of_tags
from ops.source import source_of
from ops.workspace import Workspace
from platform_spec.content import content_tag
from platform_spec.tasks import Task, with_image

Say = Callable[[str], None]
LOCAL_NAME = "localhost/tasklane"


@dataclass(frozen=True)
class ImageState:
    """One task's image: `digest` is what the registry has under the source's tag; "" = nothing.

    `described` False: whoever pushed it was stopped before its bill of materials.
    """

    task: str
    tag: str
    digest: str
    built: bool
    described: bool = True

    @property
    def action(self) -> str:
        if self.digest:
            return "none" if self.described else "describe"
        return "push" if self.built else "build and push"

    def as_dict(self) -> dict[str, object]:
        return {**asdict(self), "action": self.action}


def chosen(workspace: Workspace, names: Sequence[str]) -> list[Task]:
    """The named tasks, or all that have an image; UserError for one that does not exist or has none."""
    unknown = [name for name in names if name not in workspace.tasks]
    if unknown:
        known = ", ".join(workspace.tasks) or "none"
        raise UserError(f"no task {', '.join(unknown)} (allowed: {known}); a task is a folder task_images/<task>/")
    without = [name for name in names if not workspace.tasks[name].has_image]
    if without:
        raise UserError(f"{', '.join(without)}: lane virtualenv has no image; `tasklane virtualenvs` ships its wheels")
    return [workspace.tasks[name] for name in names or with_image(workspace.tasks)]


def image_states(
    workspace: Workspace, tasks: Sequence[Task], *, ask_registry: bool = True, planning: bool = False
) -> list[ImageState]:
    """What is to do for each task; the registry is asked for all at once.

    When `planning`, a repository that is still to be made holds nothing; otherwise it is an error.
    """
    engine = answering_engine()

    def pushed(task: Task, tag: str) -> dict[str, str]:
        try:
            return digests_of_tags(workspace, task.name, [tag, tag + SBOM_SUFFIX]) if ask_registry else {}
        except NoRepositoryError:
            if planning:
                return {}
            raise

    def state(task: Task) -> ImageState:
        tag = content_tag(task.folder, task.architecture)
        found = pushed(task, tag)
        built = tag not in found and engine is not None and engine.has(local_image(task, tag))
        return ImageState(task.name, tag, found.get(tag, ""), built, tag not in found or tag + SBOM_SUFFIX in found)

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
    if all(state.action == "none" for state in states):
        return list(states)
    with Registry(log_in(workspace)) as registry:
        return [_push_one(workspace, registry, state, say) if state.action != "none" else state for state in states]


def local_image(task: Task, tag: str) -> str:
    """The image's name on this machine, shared with `tasklane local up`."""
    return f"{LOCAL_NAME}/{task.name}:{tag}"


def _build_one(workspace: Workspace, engine: Engine, state: ImageState, say: Say, arguments: dict[str, str]) -> None:
    task = workspace.tasks[state.task]
    say(f"images: building {task.name} {state.tag} for {task.architecture} with {engine.name}")
    base = declared_base(task, arguments, build_options())
    labels = image_labels(task, source_of(workspace.root), state.tag, base, now=datetime.now(UTC))
    engine.build(task, local_image(task, state.tag), labels=labels, arguments=arguments)


def _push_one(workspace: Workspace, registry: Registry, state: ImageState, say: Say) -> ImageState:
    task, repository = workspace.tasks[state.task], workspace.names.repository(state.task)
    digest: str | None = state.digest
    if not digest:
        say(f"images: pushing {task.name} {state.tag}")
        target = f"{registry.host}/{repository}:{state.tag}"
        find_engine().push(local_image(task, state.tag), target, log_in(workspace))
        digest = digest_of_tag(workspace, task.name, state.tag)
    if not digest:
        raise UserError(f"{repository}:{state.tag} was pushed, but ECR does not list it; try again")
    _describe(registry, repository, task, state.tag, digest)
    return ImageState(state.task, state.tag, digest, built=True)


def _describe(registry: Registry, repository: str, task: Task, tag: str, digest: str) -> None:
    """Put the bill of materials beside the image: from what the registry says of it, and the image where it is here."""
    from ops.images.sbom import MEDIA_TYPE, bill_of_materials  # its library takes a sixth of the CLI's start

    engine, image = answering_engine(), local_image(task, tag)
    files = engine.files(image, FILES) if engine is not None and engine.has(image) else None
    base = recorded_base(*registry.about(repository, digest))
    document = bill_of_materials(task, tag, digest=digest, base=base, files=files, now=datetime.now(UTC))
    registry.attach(repository, digest, tag + SBOM_SUFFIX, MEDIA_TYPE, document)
