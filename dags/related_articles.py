"""### Related articles: found in one container, taken over by the application in another

`similar` finds the related articles of each article (Python). `newest_application` registers the newest image of the
application, if it is not registered yet. `apply` runs in the application's own image and runtime (Node.js) and makes
the new set live in its table, all at once.

### When it fails
The set before stays live until `apply` has succeeded; every step can be cleared at any time.
- `similar`, class `input`: the message names the file or column of `raw/article_events/`, or that no two articles share
  readers. Have the events mended or delivered, then clear it.
- `newest_application`, class `input`: no image has a tag that matches; push one, or start a run with
  the parameter `tags`.
- `apply`, class `image` or `start`: the image was removed since, or does not start. Clear `newest_application`, which
  takes the newest one that is there now: `tasklane rerun related_articles RUN --from newest_application`.
- `apply`, class `input`: it names the file that `similar` left; clear `similar`. Everything else (DynamoDB throttled or
  out of reach, another run at the same time): clear it.
"""

import datetime as dt

from airflow.sdk import Param

from lanes import dag, deployment, run_task

HERE = deployment()
APP = HERE.task("articles_app")
REGISTRY, REPOSITORY = APP.repository
TAGS = r"^[A-Za-z0-9_.*+|()\[\]?-]{1,100}$"

with dag(
    team="ml",
    owner="ml",
    pool="ml",
    schedule="0 4 * * *",
    start_date=dt.date(2026, 1, 1),
    catchup=False,
    doc_md=__doc__,
    max_active_runs=1,
    params={
        "tags": Param(".*", type="string", pattern=TAGS, description="of the newest image"),
        "top": Param(10, type="integer", minimum=1, maximum=100, description="related articles per article"),
    },
):
    similar = run_task(
        "related_articles",
        task_id="similar",
        command=[
            "similar",
            "--events",
            f"s3://{HERE.data_bucket}/raw/article_events/",
            "--output",
            f"s3://{HERE.data_bucket}/results/related_articles/v{HERE.task('related_articles').result_version}",
            "--top",
            "{{ params.top }}",
        ],
    )
    newest_application = run_task(
        "newest_image",
        task_id="newest_application",
        command=[
            "--registry",
            REGISTRY,
            "--repository",
            REPOSITORY,
            "--tags",
            "{{ params.tags }}",
            "--base",
            APP.task_definition_arn,
            "--family",
            f"{APP.family}-newest",
        ],
    )
    apply = run_task(
        "articles_app",
        task_id="apply",
        command=["apply", "--result", similar.output],
        revision=newest_application.output,
    )
    # Looked up when the set is there: an hour later the image may have been replaced, or removed.
    similar >> newest_application >> apply
