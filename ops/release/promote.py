"""`release promote`: what was tested in one environment runs in the next: the same image digests, the same DAG bytes.

Stacks come from the checkout, with the settings of the target: so the checkout must be the revision of the release.
"""

from collections.abc import Callable, Mapping

from ops.deploy import Choices, deploy_on_foundation, foundation
from ops.errors import UserError
from ops.images.login import log_in
from ops.images.registry import Registry, copy_image
from ops.images.repositories import SBOM_SUFFIX, digests_of_tags
from ops.mwaa_files import constraints_for_dags
from ops.release.create import Outcome
from ops.release.lock import deployment_lock
from ops.release.record import Release
from ops.release.store import ReleaseStore
from ops.source import source_of
from ops.workspace import Workspace
from platform_spec.tasks import with_image

Say = Callable[[str], None]


def promote(
    source: Workspace, target: Workspace, release_id: str, say: Say, *, any_revision: bool = False, airflow: bool = True
) -> Outcome:
    """Deploy a release of `source` to `target`."""
    store = ReleaseStore(source)
    release = store.get(release_id)
    digests = check(release, target, any_revision=any_revision)
    dags = {path: c for path, c in store.blobs(release.dags).items() if not path.startswith("constraints-")}
    foundation(target, say)
    with deployment_lock(target, f"promote {release.id} from {source.environment_name}"):
        copy_images(source, target, release, digests, say)
        return deploy_on_foundation(
            target,
            say,
            Choices(
                images=False,
                airflow=airflow,
                digests=digests,
                dags={**dags, **constraints_for_dags(target)},  # the target may run another Airflow version
                promoted_from=f"{source.environment_name}/{release.id}",
            ),
        )


def check(release: Release, target: Workspace, *, any_revision: bool) -> dict[str, str]:
    """Task → digest; UserError when the release cannot be what runs in `target`."""
    checkout = source_of(target.root)
    if not any_revision and (checkout.label != release.revision or release.dirty):
        made_of = release.revision + ("-dirty" if release.dirty else "")
        raise UserError(
            f"release {release.id} was made of {made_of}, but this checkout is {checkout.label}: its stacks would not "
            f"be those that were tested; check out {release.revision}, or pass --any-revision"
        )
    if set(release.images) != set(with_image(target.tasks)):
        raise UserError(
            f"release {release.id} has the tasks {', '.join(release.images)}, this checkout {', '.join(target.tasks)}; "
            f"check out {release.revision}"
        )
    for task in release.images:
        made_for, wanted = release.manifest.tasks[task].architecture, target.tasks[task].architecture
        if made_for != wanted:
            raise UserError(
                f"{task}: the image of release {release.id} is for {made_for}, but {target.environment_name} wants "
                f"{wanted}; give both the same architecture (task.toml, or [tasks.{task}] in environments/*.toml)"
            )
    without = [task for task, image in release.images.items() if "@" not in image.image]
    if without:
        raise UserError(
            f"release {release.id}: no digest is known of {', '.join(without)} (deployed with --without-images); "
            f"deploy {release.environment} with its images first"
        )
    return {task: image.image.rsplit("@", 1)[1] for task, image in release.images.items()}


def copy_images(source: Workspace, target: Workspace, release: Release, digests: Mapping[str, str], say: Say) -> None:
    """Copy what the target's registry does not have, under the same tags: images and their bills of materials."""
    with Registry(log_in(source)) as origin, Registry(log_in(target)) as registry:
        for task, digest in digests.items():
            tag = release.images[task].tag
            repositories = source.names.repository(task), target.names.repository(task)
            said = tag + SBOM_SUFFIX
            there, here = (digests_of_tags(side, task, [tag, said]) for side in (source, target))
            known = here.get(tag)
            if known not in (None, digest):
                raise UserError(
                    f"{repositories[1]}:{tag} exists in {target.environment_name} with another digest ({known}): it "
                    f"was built there too; delete that image or promote a release with another source of {task}"
                )
            if known is None:
                say(f"images: copying {task} {tag}")
                copy_image(origin, registry, repositories, digest, tag)
            if said in there and said not in here:
                copy_image(origin, registry, repositories, there[said], said)  # names its image by digest: still true
