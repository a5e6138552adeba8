"""Who may know whom. Read from the source, so that an import inside a function counts too."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = {"app", "dags", "lanes", "local", "ops", "platform_spec", "stacks", "task_images"}

# package: what it must not import. The rest of OURS is forbidden unless it is named in MAY.
MAY: dict[str, set[str]] = {
    "platform_spec": set(),
    "stacks": {"platform_spec"},
    "dags": {"platform_spec", "lanes"},
    "ops": {"platform_spec"},
    "local": {"platform_spec", "ops"},
    "plugins": {"platform_spec", "lanes"},
}
NEVER: dict[str, set[str]] = {
    "platform_spec": {"boto3", "botocore", "aws_cdk", "constructs", "airflow"},
    "stacks": {"boto3", "botocore", "airflow"},
    "ops": {"aws_cdk", "airflow"},  # runs cdk as a program
}
AT_PARSE_TIME: dict[str, set[str]] = {"dags": {"boto3", "aws_cdk"}}


def sources(package: str) -> list[Path]:
    return [path for path in sorted((ROOT / package).rglob("*.py")) if "build" not in path.parts]


def imported(tree: ast.Module, *, parse_time: bool = False) -> Iterator[str]:
    """First names of all imported modules; `parse_time`: without those inside functions and TYPE_CHECKING."""
    nodes: list[ast.AST] = list(tree.body)
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]
        elif parse_time and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        elif parse_time and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            nodes.extend(node.orelse)
        else:
            nodes.extend(ast.iter_child_nodes(node))


def broken_rules(package: str, tree: ast.Module) -> set[str]:
    forbidden = (OURS - MAY.get(package, set()) - {package}) | NEVER.get(package, set())
    found = forbidden & set(imported(tree))
    return found | (AT_PARSE_TIME.get(package, set()) & set(imported(tree, parse_time=True)))


@pytest.mark.parametrize("package", MAY)
def test_the_dependency_rule(package: str) -> None:
    for path in sources(package):
        assert broken_rules(package, ast.parse(path.read_text())) == set(), path.relative_to(ROOT)


def test_task_images_stand_alone() -> None:
    """An image is built from its own folder; only its own package may be imported."""
    paths = sources("task_images")
    assert paths
    for path in paths:
        own = path.relative_to(ROOT / "task_images").parts[0]
        assert set(imported(ast.parse(path.read_text()))) & (OURS - {own}) == set(), path.relative_to(ROOT)


@pytest.mark.parametrize("package", ["stacks", "dags"])
def test_local_is_one_more_environment(package: str) -> None:
    """One code path: what runs here is what runs there."""
    for path in sources(package):
        code = ast.unparse(_without_docstrings(ast.parse(path.read_text())))
        assert not re.search(r"\blocal\b", code, re.IGNORECASE), path.relative_to(ROOT)


@pytest.mark.parametrize("package", ["stacks", "dags", "platform_spec"])
def test_no_environment_is_known_by_name(package: str) -> None:
    """Code asks for a property (`keeps_data`), never for "prod"."""
    for path in sources(package):
        code = ast.unparse(_without_docstrings(ast.parse(path.read_text())))
        assert not re.search(r"['\"](dev|stg|prod)['\"]", code), path.relative_to(ROOT)


@pytest.mark.parametrize("package", ["platform_spec", "stacks"])
def test_process_environment_is_read_at_the_edge_only(package: str) -> None:
    """app.py and the CLI read it; what they call gets values."""
    for path in sources(package):
        code = ast.unparse(ast.parse(path.read_text()))
        assert "os.environ" not in code, path.relative_to(ROOT)
        assert "getenv" not in code, path.relative_to(ROOT)


@pytest.mark.parametrize(
    ("package", "source", "broken"),
    [
        ("platform_spec", "import boto3", {"boto3"}),
        ("platform_spec", "from stacks.network import NetworkStack", {"stacks"}),
        ("stacks", "def f():\n    import boto3", {"boto3"}),
        ("stacks", "from platform_spec.naming import Names", set()),
        ("dags", "import boto3", {"boto3"}),
        ("dags", "def f():\n    import boto3", set()),
        ("dags", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import boto3", set()),
        ("ops", "import local.aws", {"local"}),
        ("ops", "import aws_cdk as cdk", {"aws_cdk"}),
    ],
)
def test_the_rule_itself(package: str, source: str, broken: set[str]) -> None:
    assert broken_rules(package, ast.parse(source)) == broken


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                node.body[0] = ast.Expr(ast.Constant(value=...))
    return tree
