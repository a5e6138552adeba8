"""Seconds and peak memory of gather with 10, 100 and 1,000 samples (their reads differ; 5,000 pairs each)."""

import argparse
import json
import tempfile
from pathlib import Path

from measured import run

from microbiome.names import find_samples


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--pairs", type=int, default=5000)
    options = parser.parse_args()
    print("| samples | simulate, wall s | batch, CPU s | gather, wall s | gather, CPU s | gather, peak MiB |")
    print("|---|---|---|---|---|---|")
    for count in options.samples:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            made = run("simulate", "--out", folder, "--samples", count, "--pairs", options.pairs, "--members", 60)
            found = find_samples(folder / "reads")
            items = [
                {"key": s.name, "batch": 0, "files": [str(f) for f in s.files], "result": f"{folder}/samples/{s.name}"}
                for s in found
            ]
            parameters = {"reference": f"{folder}/reference.fasta.gz", "samples_uri": f"{folder}/samples"}
            path = folder / "manifest.json"
            path.write_text(json.dumps({"schema_version": 1, "parameters": parameters, "items": items}))
            batch = run("analyze-batch", "--manifest", path, "--batch", 0)
            gather = run("gather", "--manifest", path, "--output", folder / "out")
            cells = (made.wall_seconds, batch.cpu_seconds, gather.wall_seconds, gather.cpu_seconds)
            print(
                f"| {count} | " + " | ".join(f"{cell:.1f}" for cell in cells) + f" | {gather.peak_mib:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
