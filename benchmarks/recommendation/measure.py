"""Hit rate, CPU seconds and peak memory of `inference` on made-up interactions with planted groups.

.venvs/recommendation/bin/python benchmarks/recommendation/measure.py [--users N --items N --events N --factors N ...]

Two processes, as in the pipeline: `preprocess`'s part in this image's environment, the model in the other's.
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

from recommendation.generate import generate_interactions
from recommendation.interactions import prepared

MODEL = Path(__file__).resolve().parents[2] / ".venvs/recommendation_inference/bin/python"
# What `inference` does between its two objects: all users' recommendations, then the model without what is held back.
CHILD = """
import json, resource, sys, time
from dataclasses import asdict
from pathlib import Path
begun = time.perf_counter()
from recommendation_inference.model import Settings, recommend
from recommendation_inference.quality import quality
from recommendation_inference.scores import read_counts
counts, settings = read_counts(Path(sys.argv[1]).read_bytes()), Settings(**json.loads(sys.argv[2]))
recommend(counts, 10, settings)
figures = quality(counts, 10, settings)
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({**asdict(figures), "pairs": counts.nnz, "cpu_seconds": round(used.ru_utime + used.ru_stime, 1),
                  "peak_mib": used.ru_maxrss // 1024, "wall_seconds": round(time.perf_counter() - begun, 1)}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in {"users": 50_000, "items": 10_000, "events": 1_000_000}.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    settings = {
        "factors": (int, 64),
        "regularization": (float, 0.05),
        "iterations": (int, 15),
        "confidence": (float, 10),
    }
    for name, (kind, number) in settings.items():
        parser.add_argument(f"--{name}", type=kind, nargs="+", default=[number])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sizes = {name: getattr(options, name) for name in ("users", "items", "events")}
        path = generate_interactions(Path(folder), "2026-01-01", seed=1, **sizes)
        file = Path(folder, "interactions.npz")
        file.write_bytes(prepared([path])[0])
        for chosen in product(options, list(settings)):
            argv = [str(MODEL), "-c", CHILD, str(file), json.dumps(chosen)]
            told = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
            print(json.dumps({**sizes, **chosen, **json.loads(told)}), flush=True)


def product(options: argparse.Namespace, names: list[str]) -> list[dict[str, float]]:
    """One choice of settings per combination of what was given."""
    chosen: list[dict[str, float]] = [{}]
    for name in names:
        chosen = [{**one, name: value} for one in chosen for value in getattr(options, name)]
    return chosen


if __name__ == "__main__":
    main()
