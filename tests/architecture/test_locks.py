"""Locks: every requirement pinned with hashes, no registry named, so that they work behind any mirror."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted([*(ROOT / "locks").glob("*.txt"), *(ROOT / "task_images").glob("*/requirements*.lock")])


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_requirement_is_pinned_with_hashes_and_no_host_is_named(lock: Path) -> None:
    text = lock.read_text()
    assert "://" not in text
    assert "--index-url" not in text
    logical = re.sub(r"\\\n\s*", " ", text)
    requirements = [line for line in logical.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    assert requirements
    assert [line for line in requirements if "==" not in line or "--hash=sha256:" not in line] == []


def test_the_node_lock_has_hashes_and_names_no_host() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    locked = {name: entry for name, entry in packages.items() if name}
    assert locked
    assert [name for name, entry in locked.items() if "integrity" not in entry or "resolved" in entry] == []
