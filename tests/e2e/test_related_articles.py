"""Related articles: found in one container, made live by the newest image of another, whatever happened before."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import ROOT, SECONDS
from tests.e2e.running import client_of, data_bucket, documents, run_dag, states_of

pytestmark = pytest.mark.timeout(SECONDS)
TABLE = {"TableName": "tasklane-local-related_articles"}
ARTICLES = 60


class Application:
    """What the application's readers and its registry see."""

    def __init__(self, environment: Path) -> None:
        self.environment = environment
        self.dynamodb, self.ecr = client_of(environment, "dynamodb"), client_of(environment, "ecr")

    def push(self, tag: str) -> str:
        manifest = json.dumps({"schemaVersion": 2, "tag": tag})
        repository = "tasklane-local/articles_app"
        answer = self.ecr.put_image(repositoryName=repository, imageManifest=manifest, imageTag=tag)
        return str(answer["image"]["imageId"]["imageDigest"])

    def items(self, partition: str) -> set[str]:
        """The sort keys of a partition."""
        values = {":p": {"S": partition}}
        found = self.dynamodb.query(**TABLE, KeyConditionExpression="pk = :p", ExpressionAttributeValues=values)
        return {item["sk"]["S"] for item in found["Items"]}

    def put(self, partition: str, name: str) -> None:
        self.dynamodb.put_item(**TABLE, Item={"pk": {"S": partition}, "sk": {"S": name}})

    def live(self) -> str:
        return str(self.dynamodb.get_item(**TABLE, Key={"pk": {"S": "live"}, "sk": {"S": "live"}})["Item"]["set"]["S"])

    def upload_events(self, path: Path, seed: int) -> None:
        sizes = ["--readers", "300", "--articles", str(ARTICLES), "--events", "4000", "--seed", str(seed)]
        argv = [".venvs/related_articles/bin/python", "-m", "related_articles", "generate", "--out", str(path), *sizes]
        subprocess.run(argv, cwd=ROOT, capture_output=True, check=True)
        key = f"raw/article_events/{path.name}"
        client_of(self.environment, "s3").upload_file(str(path), data_bucket(self.environment), key)

    def run(self) -> dict[str, Any]:
        """Run the pipeline; what newest_image told."""
        before = {key for key, _ in documents(self.environment, "runs/newest_image/")}
        run = run_dag(self.environment, "related_articles", {})
        assert states_of(self.environment, run) == dict.fromkeys(("similar", "newest_application", "apply"), "success")
        told = [body for key, body in documents(self.environment, "runs/newest_image/") if key not in before]
        document = json.loads(told[0])
        return {**document["outputs"], **document["counts"]}


def test_a_new_set_goes_live_with_the_newest_image_and_nothing_old_stays(environment: Path, tmp_path: Path) -> None:
    app = Application(environment)
    app.upload_events(tmp_path / "1.parquet", 1)
    digest = app.push("release-2")
    # What a crash leaves behind: a set that was begun and never became live.
    app.put("sets", "torn")
    app.put("set#torn", "article-1")
    ran = app.run()
    assert ran["image"].endswith(digest)
    first = app.live()
    assert app.items("sets") == {first}
    assert app.items("set#torn") == set()
    assert len(app.items(f"set#{first}")) == ARTICLES
    app.upload_events(tmp_path / "2.parquet", 2)
    again = app.run()
    assert (again["registered"], again["task_definition"]) == (0, ran["task_definition"])
    second = app.live()
    assert second != first
    assert app.items("sets") == {first, second}  # the set before stays, for who reads it at this moment
