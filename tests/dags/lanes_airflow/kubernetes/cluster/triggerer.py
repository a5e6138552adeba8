"""A triggerer: one attempt in a process of its own, which a test kills. Arguments: run id, command."""

import asyncio
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[5]
sys.path[:0] = [str(ROOT), str(ROOT / "dags")]


def main(run_id: str, *command: str) -> None:
    from tests.dags.lanes_airflow.kubernetes.cluster.conftest import attempt_of, trigger_of

    asyncio.run(trigger_of(attempt_of(run_id), *command, result=True).attempt([]))


if __name__ == "__main__":
    main(*sys.argv[1:])
