"""`make iam-mutation`: take rights away from the roles and see that the platform misses them.

1. Runs the flagship pipeline and the other DAGs under enforcement and records every authorised call.
2. Judges each mutant (a statement, an action or a resource less) against the record: no waiting.
3. Takes statements away from the running deployment, one at a time, and runs the pipeline: it fails, or does without.
   What a single run does not ask for (tasks are listed on a retry, and by the reaper) is told, and judged in step 2.
Exit code 1 when a right is neither needed nor justified.
"""

from __future__ import annotations

import argparse
import random
import secrets
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import boto3
from botocore.config import Config

from local.lifecycle import down
from local.state import State
from tests.security.deployed import read_grants
from tests.security.live import Pipeline, without_statement
from tests.security.mutants import justifications, mutants, surviving
from tests.security.other_dags import run_other_dags
from tests.security.policy import Call, Grant, allowed
from tests.security.recorded import read_calls, save

ROOT = Path(__file__).parents[2]
PREFIX = "tasklane-local"
# Without it the DAG folder's sync ends, and the local environment with it: shown once, by hand.
ENDS_EVERYTHING = {"ReadDagBucket"}
RECORDED = ROOT / "tests/security/recorded-calls.jsonl"


def main() -> int:
    parser = argparse.ArgumentParser(prog="make iam-mutation", description=__doc__)
    parser.add_argument("--sample", type=int, help="live runs: so many statements, chosen at random; all if not given")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10_000), help="of that choice")
    parser.add_argument("--record", action="store_true", help="renew tests/security/recorded-calls.jsonl")
    parser.add_argument("--work", type=Path, default=ROOT / "build/iam-mutation", help="where it all runs")
    given = parser.parse_args()
    folder = given.work.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    try:
        state, calls = run_demo(folder)
        if given.record:
            save(calls, RECORDED)
        iam = client(state, "iam")
        grants = read_grants(iam, PREFIX)
        replayed = replay(grants, calls)
        take_away(state, folder, grants, calls, given.sample, random.Random(given.seed))  # noqa: S311
        if given.sample:
            print(f"chosen with --seed {given.seed}")
        return 0 if replayed else 1
    finally:
        down(folder / "state")


def run_demo(folder: Path) -> tuple[State, list[Call]]:
    """A small run of everything; the environment stays up. Fails if any call of our roles was refused."""
    argv = [sys.executable, "-m", "local.demo", "--samples", "2", "--batch-items", "1", "--keep"]
    folder.mkdir(parents=True)
    subprocess.run([*argv, "--out", folder / "out", "--state", folder / "state"], cwd=ROOT, check=True)
    state = State.load(folder / "state")
    if state is None:
        raise SystemExit(f"iam-mutation: no environment runs in {folder / 'state'}")
    run_other_dags(state)
    time.sleep(15)  # run metrics are written every ten seconds
    calls, refused = read_calls(state.logs / "authorised-calls.jsonl", PREFIX)
    if refused:
        raise SystemExit("iam-mutation: refused during the run:\n" + "\n".join(map(str, refused)))
    return state, calls


def replay(grants: list[Grant], calls: list[Call]) -> bool:
    """Judge all mutants against the record. Returns whether every survivor is justified and both judges agree."""
    differing = [call for call in calls if not allowed(call, grants)]
    for call in differing:
        print(f"the emulator allowed what our judge refuses: {call}")
    survivors, known = surviving(grants, calls), justifications()
    unjustified = [m for m in survivors if not any(why.covers(m) for why in known)]
    for mutant in unjustified:
        print(f"not needed and not justified: {mutant}")
    every = len(list(mutants(grants)))
    print(f"replayed: {every} mutants, {every - len(survivors)} missed by {len(calls)} kinds of calls", end=", ")
    print(f"{len(survivors) - len(unjustified)} justified, {len(unjustified)} neither")
    return not unjustified and not differing


def take_away(
    state: State, folder: Path, grants: list[Grant], calls: list[Call], sample: int | None, chance: random.Random
) -> None:
    """Remove statements from the running deployment, one at a time, and print how the pipeline takes it."""
    survivors = {(m.role, m.sid) for m in surviving(grants, calls) if not m.taken}
    needed = [g for g in grants if (g.role, g.sid) not in survivors and g.sid not in ENDS_EVERYTHING]
    chosen = needed if sample is None else chance.sample(needed, min(sample, len(needed)))
    pipeline = Pipeline(state, client(state, "s3"), folder / "out/input")
    outcomes: Counter[str] = Counter()
    for number, grant in enumerate(chosen):
        with without_statement(client(state, "iam"), grant.role, grant.sid):
            outcome = pipeline.run(f"m{number:02}", grant.role)
        pipeline.wait_for_dags()
        outcomes[outcome.value] += 1
        print(f"live: {grant.role} {grant.sid} removed: {outcome.value}", flush=True)
    told = ", ".join(f"{count} x {outcome}" for outcome, count in outcomes.most_common())
    print(f"live: {len(chosen)} of {len(needed)} needed statements removed: {told}")


def client(state: State, service: str):
    return boto3.client(
        service,
        region_name="us-east-1",
        endpoint_url=state.endpoint_url,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(inject_host_prefix=False),
    )


if __name__ == "__main__":
    sys.exit(main())
