"""This repository as it would be with another environments/local.toml: another Airflow version, Spot, more tables."""

import os
import shutil
import subprocess
from pathlib import Path

from platform_spec.environments import load_environment

ROOT = Path(__file__).resolve().parents[2]
INSTALLED = (".venv", ".venvs", ".tools", "node_modules")
# E2E_AIRFLOW names the version; without it, the one of environments/local.toml.
VERSION = os.environ.get("E2E_AIRFLOW", "")


def checkout_with(folder: Path, *, version: str = "", spot_share: float = 0.0, tables: str = "") -> Path:
    """The repository itself where nothing differs; else a copy in `folder` with these, and `tables` appended.

    A person who tries the next version, or another lane, edits the same file. What `make` installed is linked, not
    copied.
    """
    other = version not in ("", load_environment("local", ROOT).airflow.version)
    if not (other or spot_share or tables):
        return ROOT
    subprocess.run(["git", "clone", "--quiet", "--no-checkout", str(ROOT), str(folder)], check=True)
    for name in _files():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target)
    for name in INSTALLED:
        (folder / name).symlink_to(ROOT / name)
    for modules in ROOT.glob("task_images/*/node_modules"):
        (folder / modules.relative_to(ROOT)).symlink_to(modules)
    subprocess.run(["git", "reset", "--quiet"], cwd=folder, check=True)  # a release names the revision it is made of
    path = folder / "environments/local.toml"
    path.write_text(f"spot_share = {spot_share}\n{path.read_text()}{tables}")
    if other:
        python = ROOT / f".venvs/airflow-{version}/bin/python"
        assert python.exists(), f"Airflow {version} is not installed; run `make .venvs/airflow-{version}/.made`"
        path.write_text(path.read_text().replace("[airflow]\n", f'[airflow]\nversion = "{version}"\n'))
        assert load_environment("local", folder).airflow.version == version
    return folder


def _files() -> list[str]:
    """What git would commit of the working tree."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    found = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return [name for name in found if (ROOT / name).is_file()]
