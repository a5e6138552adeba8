"""Peak memory of a batch: 1, 10 and 100 samples, and one sample of several GB made by repeating a small one."""

import argparse
import json
import shutil
import tempfile
from pathlib import Path

from measured import run

from microbiome.simulate.write import Study, write_study


def write_manifest(folder: Path, pairs: list[tuple[Path, Path]]) -> Path:
    items = [
        {"key": f"s{n}", "batch": 0, "files": [str(one), str(two)], "result": str(folder / f"samples/{n}")}
        for n, (one, two) in enumerate(pairs)
    ]
    path = folder / "manifest.json"
    path.write_text(json.dumps({"schema_version": 1, "parameters": {"reference": "unused"}, "items": items}))
    return path


def measure(folder: Path, label: str, pairs: list[tuple[Path, Path]]) -> None:
    shutil.rmtree(folder / "samples", ignore_errors=True)
    found = run("analyze-batch", "--manifest", write_manifest(folder, pairs), "--batch", 0)
    print(f"| {label} | {found.peak_mib:.0f} | {found.cpu_seconds:.1f} |", flush=True)


def repeated(folder: Path, path: Path, times: int) -> Path:
    """A gzip file with so many members: as long a FASTQ file as one likes, without compressing it again."""
    target = folder / f"{times}-{path.name}"
    content = path.read_bytes()
    with target.open("wb") as handle:
        for _ in range(times):
            handle.write(content)
    return target


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=5.0, help="FASTQ text of the large sample, both reads")
    options = parser.parse_args()
    print("| batch | peak MiB | CPU s |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_study(folder, Study(samples=1, seed=1, pairs=5000))
        one, two = sorted((folder / "reads").iterdir())
        measure(folder, "nothing but the start (1 sample of 5,000 pairs, first run)", [(one, two)])
        for count in (1, 10, 100):
            measure(folder, f"{count} samples of 5,000 pairs", [(one, two)] * count)
        text_per_copy = 5000 * 2 * 540
        times = max(1, round(options.gigabytes * 1e9 / text_per_copy))
        large = (repeated(folder, one, times), repeated(folder, two, times))
        measure(folder, f"1 sample of {times * 5000:,} pairs ({times * text_per_copy / 1e9:.1f} GB of FASTQ)", [large])


if __name__ == "__main__":
    main()
