"""Compare a cloud assembly with what is deployed: `python -m local.aws.compare --endpoint URL cdk.out`.

Exit code 1 when anything differs. The Region is the one of each stack in the assembly.
"""

import argparse
import json
import sys
from functools import cache
from pathlib import Path

import boto3
from botocore.config import Config

from local.aws.compare import compare_stack


def main() -> int:
    """Print a line per difference and a closing count."""
    parser = argparse.ArgumentParser(prog="python -m local.aws.compare", description=__doc__)
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("assembly", type=Path, help="the folder that `cdk synth` wrote")
    given = parser.parse_args()
    manifest = json.loads((given.assembly / "manifest.json").read_text())
    total, stacks = 0, 0
    for name, artifact in manifest["artifacts"].items():
        if artifact["type"] != "aws:cloudformation:stack":
            continue
        account, region = artifact["environment"].removeprefix("aws://").split("/")
        template = json.loads((given.assembly / artifact["properties"]["templateFile"]).read_text())
        found = compare_stack(
            artifact["properties"].get("stackName", name), template, _clients(given.endpoint, account, region)
        )
        for difference in found:
            print(difference)
        total, stacks = total + len(found), stacks + 1
    print(f"{stacks} stacks compared, {total} differences")
    return 1 if total else 0


def _clients(endpoint: str, account: str, region: str):
    @cache
    def client(service: str):
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=endpoint,
            aws_access_key_id=account,  # the emulator takes an account number for the root of that account
            aws_secret_access_key="test",  # noqa: S106 - the emulator's documented root
            config=Config(inject_host_prefix=False),
        )

    return client


if __name__ == "__main__":
    sys.exit(main())
