"""What people read about a failure, whatever its text holds."""

from lanes.notifications.channels import slack_message
from lanes.notifications.notice import LONGEST_DETAIL, LONGEST_SUBJECT, Notice, class_of, detail_of

LANE_FAILURE = "memory: exit code 137: OutOfMemoryError\nlane x, size y\nlast lines of the container:\n  read 1"


def notice(**changes: object) -> Notice:
    given = {
        "environment": "prod", "release": "r1", "dag_id": "count", "run_id": "manual__1", "task": "work[3]",
        "attempt": 3, "owner": "platform", "failure_class": "memory", "detail": LANE_FAILURE,
        "log_url": "https://airflow/log",
    }  # fmt: skip
    return Notice(**{**given, **changes})  # type: ignore[arg-type]


def test_a_container_s_failure_tells_its_class_its_log_and_the_way_out() -> None:
    found = notice(failure_class=class_of(LANE_FAILURE), detail=detail_of(RuntimeError(LANE_FAILURE)))
    assert found.subject == "[prod] count.work[3] failed: memory"
    assert found.text.splitlines()[2:9] == [
        "class: memory", "run: manual__1", "attempt: 3", "owner: platform", "release: r1",
        "Airflow log: https://airflow/log", "what to do: docs/runbook.md#runs-memory",
    ]  # fmt: skip
    assert found.detail == LANE_FAILURE


def test_other_errors_tell_their_type_and_where_they_were_raised() -> None:
    try:
        {}["x"]
    except KeyError as error:
        found = notice(failure_class=class_of(error), detail=detail_of(error))
    assert found.failure_class == "KeyError"
    assert found.entry == "dags/README.md (count)"
    assert "test_notice.py" in found.detail
    assert found.detail.endswith("KeyError: 'x'")


def test_long_and_odd_texts_fit() -> None:
    found = notice(dag_id="腸" * 200, detail=detail_of("a" * 9000 + "the end"))
    assert (len(found.subject), found.subject.isascii()) == (LONGEST_SUBJECT, True)
    assert notice(task="a\nb").subject == "[prod] count.a?b failed: memory"
    assert len(found.detail) <= LONGEST_DETAIL
    assert found.detail.endswith("the end")


def test_slack_mentions_and_links_nobody() -> None:
    hostile = "```<!channel> <https://evil|click> & more```"
    found = slack_message(notice(detail=hostile, run_id="<!here>", owner=""))["text"]
    assert "<" not in found
    assert found.count("```") == 2
    assert "&lt;!channel&gt;" in found
    assert "*owner*" not in found


def test_a_process_that_died_leaves_no_error() -> None:
    assert class_of(None) == "process-gone"
    assert "killed, or its host was lost" in detail_of(None)
