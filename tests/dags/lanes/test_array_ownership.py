"""Two triggerers with one array fan-out: the later one has it, and the earlier one does no more."""

import asyncio
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lanes.aws.calls import AwsCalls
from lanes.batch import submit
from lanes.batch.poller import BatchPoller
from lanes.fan_outs.array_jobs import work as array_work
from lanes.fan_outs.array_jobs.ownership import OwnedObject, Superseded
from lanes.fan_outs.array_jobs.rows import Lane
from lanes.fan_outs.array_jobs.work import ArrayWork
from platform_spec.fan_out_arrays import document_uri
from tests.dags.lanes.array_model import ArrayModel, S3Model

MANIFEST = "s3://data/fanout/d/abc.json"
WHERE = document_uri(MANIFEST, "d", "r", "t", -1)


@pytest.fixture(autouse=True)
def quick(no_waiting, monkeypatch):
    monkeypatch.setattr(submit, "SETTLE_SECONDS", (0.0, 0.0))
    monkeypatch.setattr(array_work, "GATHER_SECONDS", 0.0)
    monkeypatch.setattr(array_work, "SAVE_SECONDS", 0.0)


def aws_with(batches: int, ends: dict[int, list[str]]) -> ArrayModel:
    plan = {"batches": [{"index": index, "size": None} for index in range(batches)]}
    return ArrayModel(S3Model({"fanout/d/abc.json": json.dumps(plan).encode()}), ends=ends)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    before=st.integers(0, 8),
    turns=st.lists(st.booleans(), max_size=30),
    ends=st.dictionaries(st.integers(0, 4), st.lists(st.sampled_from(["spot", "memory", "error"]), max_size=2)),
)
def test_the_second_one_has_it_and_the_first_one_submits_nothing_more(make_batch_launch, before, turns, ends):
    aws = aws_with(5, ends)

    async def run():
        calls = AwsCalls({"batch": aws, "s3": aws.s3})
        launch = make_batch_launch(capacity="spot_first")
        first, second = (
            ArrayWork(
                calls, BatchPoller(calls), Lane(launch, {"batch": ["batch_large"], "batch_large": []}), MANIFEST, WHERE
            )
            for _ in range(2)
        )
        await first.begin({}, quarantine=True)
        for _ in range(before):
            await first.step()
        await second.begin({}, quarantine=True)
        submitted_by_first, is_out = 0, False
        for is_first in turns:
            known = len(aws.requests)
            if not is_first:
                await second.step()
            elif not is_out:
                try:
                    await first.step()
                except Superseded:
                    is_out = True
                submitted_by_first += len(aws.requests) - known
        while not (await second.step()).over:
            pass
        return submitted_by_first

    assert asyncio.run(run()) == 0
    names = [request["jobName"] for request in aws.requests]
    assert len(set(names)) == len(names)
    document = json.loads(aws.s3.objects[WHERE.removeprefix("s3://data/")])
    assert [array["name"] for array in document["arrays"]] == names
    for batch in range(5):
        assert len(aws.ran[batch]) <= len(ends.get(batch, [])) + 1, "no batch ran once more than it had to"


def test_a_write_whose_answer_was_lost_is_no_other_writer():
    s3 = S3Model()

    async def run():
        stored = OwnedObject(AwsCalls({"s3": s3}), "s3://data/x")
        assert await stored.read() is None
        for text in (b"1", b"2"):
            s3.lose_answers = 1
            await stored.write(text)
        await stored.write(b"3")

    asyncio.run(run())
    assert s3.objects["x"] == b"3"


@pytest.mark.parametrize("there", [False, True], ids=["a new object", "one that was there"])
def test_what_somebody_else_wrote_stays(there):
    s3 = S3Model({"x": b"0"} if there else {})

    async def run():
        calls = AwsCalls({"s3": s3})
        first, second = OwnedObject(calls, "s3://data/x"), OwnedObject(calls, "s3://data/x")
        await first.read()
        await second.read()
        await second.write(b"second")
        with pytest.raises(Superseded):
            await first.write(b"first")

    asyncio.run(run())
    assert s3.objects["x"] == b"second"
