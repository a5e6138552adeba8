"""What a person may pass to a run: values of a schema, into lists of arguments. Never a shell, a path or a template."""

import re
from pathlib import Path

import pytest
from airflow.models.dagbag import DagBag

from tests.dags.lanes_airflow.test_fan_out_dags import DAGS, sizes_as_declared  # noqa: F401 (autouse fixture)

PARAM = re.compile(r"params(?:\.|\[['\"])(\w+)")
FILES = sorted(path.stem for path in DAGS.glob("*.py"))


def dags(name):
    bag = DagBag(str(DAGS / f"{name}.py"), include_examples=False)
    assert bag.import_errors == {}
    return bag.dags.values()


@pytest.mark.parametrize("name", FILES)
def test_commands_are_lists_and_what_goes_into_them_has_a_schema(name):
    for dag in dags(name):
        for task in dag.tasks:
            command = getattr(task, "command", None)
            for argument in command if isinstance(command, list | tuple) else []:
                for param in PARAM.findall(str(argument)):
                    schema = dag.params.get_param(param).schema
                    limits = {"pattern", "enum", "maxItems", "maxProperties"} & set(schema)
                    bounded = limits or schema["type"] in ("integer", "number")
                    assert bounded, f"{dag.dag_id}: {param} goes into a command and takes any text"
            assert not isinstance(command, str)


@pytest.mark.parametrize("name", FILES)
def test_every_param_has_a_type_or_a_list_of_values(name):
    for dag in dags(name):
        for param in dag.params:
            assert {"type", "enum"} & set(dag.params.get_param(param).schema), f"{dag.dag_id}: {param}"


def test_nothing_reads_conf_past_the_schema():
    for path in Path(DAGS).glob("*.py"):
        assert "dag_run.conf" not in path.read_text(), path


@pytest.mark.parametrize(
    ("name", "param", "value"),
    [
        ("microbiome_dispatch", "prefix", "/etc/"),
        ("microbiome_dispatch", "prefix", "results/"),
        ("microbiome_dispatch", "reference", "../samples/x"),
        ("microbiome_dispatch", "forward_primer", "{{ var.value.secret }}"),
        ("microbiome_dispatch", "forward_primer", "ACGT; rm -rf /"),
        ("microbiome_dispatch", "metadata", "/proc/self/environ"),
        ("microbiome_dispatch", "truth", "file:///proc/self/environ"),
        ("microbiome_dispatch", "batch_items", "1"),
        ("microbiome_dispatch", "batch_items", 0),
        ("microbiome_batch", "manifest", "/proc/self/environ"),
        ("microbiome_batch", "manifest", "s3://bucket/raw/manifest.json"),
        ("microbiome_batch", "batch", -1),
        ("microbiome_batch", "batch", "0 --output x"),
        ("microbiome_batch", "size", "batch --x"),
        ("microbiome_batch", "capacity", "free"),
    ],
)
def test_what_does_not_fit_is_refused(name, param, value):
    [dag] = dags(name)
    with pytest.raises(Exception, match="Failed validating"):
        dag.params.get_param(param).resolve(value)


@pytest.mark.parametrize(
    ("name", "param", "value"),
    [
        ("microbiome_dispatch", "prefix", "raw/demo-1/"),
        ("microbiome_dispatch", "metadata", "s3://bucket/raw/meta data.tsv"),
        ("microbiome_batch", "manifest", "s3://bucket-1/fanout/microbiome_dispatch/0.json"),
        ("microbiome_batch", "size", None),
        ("microbiome_batch", "size", "batch_large"),
    ],
)
def test_what_fits_is_taken(name, param, value):
    [dag] = dags(name)
    assert dag.params.get_param(param).resolve(value) == value
