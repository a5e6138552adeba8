"""CPU seconds and peak memory of finding related articles: made-up events in a file, the ten nearest of each article.

.venvs/related_articles/bin/python benchmarks/related_articles/measure.py [--readers N --articles N --events N]
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

CHILD = """
import json, os, resource, sys, time
from pathlib import Path
begun = time.perf_counter()
from related_articles import bucket
from related_articles.events import read_events
from related_articles.similarity import related
readings = read_events([Path(sys.argv[1])])
bytes_out = sum(len(bucket.line(*found)) for found in related(readings, 10, len(os.sched_getaffinity(0))))
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({"readings": readings.matrix.nnz, "cpu_seconds": round(used.ru_utime + used.ru_stime, 2),
                  "peak_mib": used.ru_maxrss // 1024, "wall_seconds": round(time.perf_counter() - begun, 2)}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in {"readers": 200_000, "articles": 20_000, "events": 2_000_000}.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        events = str(Path(folder, "events.parquet"))
        sizes = [word for name, value in vars(options).items() for word in (f"--{name}", str(value))]
        generate = [sys.executable, "-m", "related_articles", "generate", "--out", events, *sizes]
        subprocess.run(generate, check=True, stdout=subprocess.DEVNULL)
        told = subprocess.run([sys.executable, "-c", CHILD, events], check=True, capture_output=True, text=True).stdout
    print(json.dumps(vars(options) | json.loads(told), indent=1))


if __name__ == "__main__":
    main()
