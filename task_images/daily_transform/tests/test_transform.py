"""Tables against other means than SQL; each state once; bad input."""

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import boto3
import duckdb
import pytest
from daily_transform.__main__ import main
from daily_transform.bucket import fingerprint, parquet_files
from daily_transform.generate import generate_orders, orders_of
from moto import mock_aws

from daily_transform import bucket, transform

SOURCE, OUTPUT = "s3://data/raw/orders/", "s3://data/results/daily_transform/v1"
DAYS = ("2026-01-01", "2026-01-02")


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="data")
        yield client


def upload_days(s3: Any, folder: Path) -> None:
    for day in DAYS:
        path = generate_orders(folder, seed=7, orders=3000, day=day)
        s3.upload_file(str(path), "data", f"raw/orders/{path.name}")


def truth() -> dict[tuple[str, str], tuple[int, int, int]]:
    """Orders, customers and revenue per day and category, by other means than SQL."""
    newest: dict[Any, tuple[Any, ...]] = {}
    for day in DAYS:
        for row in orders_of(day, seed=7, orders=3000):
            if (row[0]) not in newest or row[6] > newest[row[0]][6]:
                newest[row[0]] = row
    groups = defaultdict(list)
    for row in newest.values():
        if row[4] != "cancelled":
            groups[str(row[5].date()), row[2]].append(row)
    return {
        key: (len(rows), len({row[1] for row in rows}), sum(row[3] for row in rows)) for key, rows in groups.items()
    }


def results(s3: Any, folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    state = fingerprint(parquet_files(SOURCE))
    summary = json.loads(s3.get_object(Bucket="data", Key=f"results/daily_transform/v1/{state}.json")["Body"].read())
    tables = {}
    for table, uri in summary["tables"].items():
        s3.download_file("data", uri.removeprefix("s3://data/"), str(folder / table))
        tables[table] = duckdb.read_parquet(str(folder / table)).fetchall()
        assert len(tables[table]) == summary["rows"][table]
    return tables


def test_the_tables_are_what_the_orders_say(s3: Any, tmp_path: Path) -> None:
    upload_days(s3, tmp_path)
    assert main(["run", "--source", SOURCE, "--output", OUTPUT]) == 0
    found = results(s3, tmp_path)
    assert {(str(day), category): tuple(rest) for day, category, *rest in found["revenue_by_day"]} == truth()
    revenue = [row[2] for row in found["customers"]]
    assert revenue == sorted(revenue, reverse=True)
    assert sum(revenue) == sum(value[2] for value in truth().values())


def test_the_result_tells_the_peak_memory(s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASKLANE_RESULT_URI", "s3://data/runs/daily_transform/r.json")
    upload_days(s3, tmp_path)
    hoard = b"x" * (200 * 2**20)
    assert main(["run", "--source", SOURCE, "--output", OUTPUT]) == 0
    document = json.loads(s3.get_object(Bucket="data", Key="runs/daily_transform/r.json")["Body"].read())
    assert document["peak_memory_mib"] > len(hoard) / 2**20
    assert set(document["counts"]) == set(document["outputs"])


def test_again_gives_the_same_bytes_and_a_new_file_a_new_state(s3: Any, tmp_path: Path) -> None:
    upload_days(s3, tmp_path)

    def etags() -> dict[str, str]:
        listed = s3.list_objects_v2(Bucket="data", Prefix="results/")["Contents"]
        return {o["Key"]: o["ETag"] for o in listed}

    assert main(["run", "--source", SOURCE, "--output", OUTPUT]) == 0
    first = etags()
    assert main(["run", "--source", SOURCE, "--output", OUTPUT]) == 0
    assert etags() == first
    path = generate_orders(tmp_path, seed=8, orders=10, day="2026-01-03")
    s3.upload_file(str(path), "data", "raw/orders/more.parquet")
    assert main(["run", "--source", SOURCE, "--output", OUTPUT]) == 0
    assert len(etags()) == 2 * len(first)


def test_bad_input_is_named(s3: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def told(*arguments: str) -> str:
        assert main(["run", "--source", SOURCE, "--output", OUTPUT, *arguments]) == 2
        return capsys.readouterr().out

    assert "no *.parquet under s3://data/raw/orders/" in told()
    s3.put_object(Bucket="data", Key="raw/orders/torn.parquet", Body=b"PAR1 but no more")
    assert "cannot be read together" in told()
    s3.delete_object(Bucket="data", Key="raw/orders/torn.parquet")
    upload_days(s3, tmp_path)
    scripts = tmp_path / "sql"
    scripts.mkdir()
    assert "no *.sql in" in told("--sql", str(scripts))
    (scripts / "1.sql").write_text("CREATE TABLE x AS SELECT missing FROM source")
    assert '1.sql: Binder Error: Referenced column "missing" not found' in told("--sql", str(scripts))
    (scripts / "1.sql").write_text("SELECT 1")
    assert "made no table" in told("--sql", str(scripts))
    (scripts / "1.sql").write_bytes(b"SELECT '\xe9'")
    assert "1.sql: 'utf-8' codec can't decode" in told("--sql", str(scripts))
    (scripts / "1.sql").write_text('CREATE TABLE "a/b" AS SELECT 1')
    assert "table 'a/b': its name becomes a file's" in told("--sql", str(scripts))
    without_id = "SELECT * REPLACE (CASE WHEN order_id % 3 = 0 THEN NULL ELSE order_id END AS order_id) FROM source"
    orders = duckdb.read_parquet(str(tmp_path / f"orders-{DAYS[0]}-7.parquet"))
    orders.query("source", without_id).write_parquet(str(tmp_path / "x.parquet"))
    s3.upload_file(str(tmp_path / "x.parquet"), "data", "raw/orders/x.parquet")
    # Else all of them would count as one order.
    assert re.search(r"00_checks.sql: .*\d+ lines lack order_id", told())
    s3.put_object(Bucket="data", Key="raw/orders/day=1/torn.parquet", Body=b"PAR1 but no more")
    assert "torn.parquet" in told()
    assert s3.list_objects_v2(Bucket="data", Prefix="results/").get("KeyCount") == 0


def test_a_state_that_is_done_stays_and_a_half_written_one_is_done_again(s3: Any, tmp_path: Path) -> None:
    upload_days(s3, tmp_path)
    arguments = ["run", "--source", SOURCE, "--output", OUTPUT]
    assert main(arguments) == 0

    def written() -> dict[str, bytes]:
        keys = [stored["Key"] for stored in s3.list_objects_v2(Bucket="data", Prefix="results/")["Contents"]]
        return {key: s3.get_object(Bucket="data", Key=key)["Body"].read() for key in keys}

    first = written()
    scripts = tmp_path / "sql"
    scripts.mkdir()
    (scripts / "1.sql").write_text("CREATE TABLE orders AS SELECT 1 AS one")
    assert main([*arguments, "--sql", str(scripts)]) == 0  # other SQL under the same result_version
    assert written() == first
    [marker] = [key for key in first if key.endswith(".json")]
    s3.delete_object(Bucket="data", Key=marker)
    torn = next(key for key in first if key.endswith("orders.parquet"))
    s3.put_object(Bucket="data", Key=torn, Body=b"half of another attempt")
    assert main(arguments) == 0
    assert written() == first


def test_temporary_tables_and_other_schemas_are_not_written(tmp_path: Path) -> None:
    source = generate_orders(tmp_path, seed=1, orders=10, day=DAYS[0])
    script = tmp_path / "1.sql"
    script.write_text(
        "CREATE TEMP TABLE t AS SELECT 1; CREATE SCHEMA s; CREATE TABLE s.x AS SELECT 1; CREATE TABLE kept AS SELECT 1"
    )
    assert transform.transform([source], [script], tmp_path) == {"kept": 1}


def test_too_little_memory_asks_for_a_larger_size(
    s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 137: as bad input the lane would neither go on with the next size nor try again."""
    upload_days(s3, tmp_path)
    monkeypatch.setattr(transform, "memory_bytes", lambda: 2_000_000)
    assert main(["run", "--source", SOURCE, "--output", OUTPUT]) == 137
    assert "DuckDB ran out of memory" in capsys.readouterr().out


def test_a_source_that_moves_is_tried_again(
    s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    upload_days(s3, tmp_path)
    listed = parquet_files(SOURCE)
    s3.put_object(Bucket="data", Key=listed[0].key, Body=b"delivered anew")
    monkeypatch.setattr(bucket, "parquet_files", lambda source: listed)
    assert main(["run", "--source", SOURCE, "--output", OUTPUT]) == 1
    assert f"{listed[0].key} changed while it was read" in capsys.readouterr().out
    assert s3.list_objects_v2(Bucket="data", Prefix="results/").get("KeyCount") == 0
