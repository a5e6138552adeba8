"""Ours and the stock ECS operator in the same storms, as figures: one line of JSON per run.

    PYTHONPATH=. .venv/bin/python -m tests.faults.compare --seeds 1 2 --tasks 100 [--airflow 3.2.1]

Each run starts from nothing: what an operator leaves behind must not burden the next one. The stock operator needs
aiobotocore (benchmarks/run_task/README.md).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from tests.faults.runs import OURS, SETTINGS, STOCK, run_in_storm
from tests.faults.world import World

ROOT = Path(__file__).parents[2]
DAGS = {"ours": OURS, "stock": STOCK}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--tasks", type=int, default=100)
    parser.add_argument("--airflow", default="3.0.6")
    parser.add_argument("--share", type=float, default=0.15, help="of all AWS calls that are spoiled")
    parser.add_argument("--operators", nargs="+", choices=sorted(DAGS), default=["ours", "stock"])
    parser.add_argument("--most-seconds", type=float, default=900.0, help="after that a run counts as stuck")
    parser.add_argument("--stock-packages", type=Path, default=ROOT / ".venvs/stock-aiobotocore")
    given = parser.parse_args()
    if "stock" in given.operators and not given.stock_packages.is_dir():
        parser.error(f"--stock-packages {given.stock_packages} does not exist; see benchmarks/run_task/README.md")
    for seed in given.seeds:
        for operator in given.operators:
            print(json.dumps(one_run(given, operator, seed)), flush=True)
    return os.EX_OK


def one_run(given: argparse.Namespace, operator: str, seed: int) -> dict[str, object]:
    """A world of its own, one run in the storm of `seed`, its figures."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), given.airflow, {f"{operator}.py": DAGS[operator]}, SETTINGS)
        world.extra_path = [str(given.stock_packages)] if operator == "stock" else []
        try:
            world.start_emulator()
            world.deploy()
            world.start_proxy(seed)
            world.start_airflow()
            return run_in_storm(
                world, f"storm_{operator}", seed=seed, tasks=given.tasks, storm_seconds=1.0 * given.tasks,
                share=given.share, most_seconds=given.most_seconds,
            )  # fmt: skip
        finally:
            world.close()


if __name__ == "__main__":
    sys.exit(main())
