"""Habits that no linter checks."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LONGEST_FILE = 300


@pytest.mark.parametrize("folder", ["platform_spec", "stacks", "ops", "local", "dags", "plugins", "task_images"])
def test_files_are_short_and_say_what_they_are_for(folder: str) -> None:
    paths = [path for path in sorted((ROOT / folder).rglob("*.py")) if "build" not in path.parts]
    assert paths
    for path in paths:
        text = path.read_text()
        assert text.count("\n") <= LONGEST_FILE, path.relative_to(ROOT)
        assert not text.strip() or ast.get_docstring(ast.parse(text)), f"{path.relative_to(ROOT)}: no module docstring"
        assert path.stem != "utils", f"{path.relative_to(ROOT)}: name it after what it holds"
