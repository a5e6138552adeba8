"""What the batch step writes for fixed samples, as a hash for each result_version: `golden_results.json`.

Results of samples are found again by result_version (task.toml). Code that writes other bytes under the same version
would mix two kinds of results in one table. `python tests/golden.py` adds the hash of a new version; it never replaces
one, unless the generator of the samples itself has changed.
"""

import gzip
import hashlib
import json
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from helpers import write_manifest

from microbiome.cli import run
from microbiome.names import FoundSample, find_samples
from microbiome.simulate.write import Study, write_study

FOLDER = Path(__file__).resolve().parent
GOLDEN = FOLDER / "golden_results.json"
TASK = FOLDER.parent / "task.toml"
STUDY = Study(samples=3, seed=11, pairs=400, members=8, chimera_share=0.1, bad=("truncated", "letters", "counts"))
SETTINGS: dict[str, dict[str, str]] = {
    "paired": {},
    "single": {"truncate_length": "150"},
    "primers": {"forward_primer": "NNNNNNNNNN", "reverse_primer": "NNNNNNNNVVNN"},
    "strict": {"max_ee": "0.5", "min_length": "200", "max_length": "300"},
}


def version() -> str:
    return str(tomllib.loads(TASK.read_text())["result_version"])


def recorded() -> dict[str, dict[str, str]]:
    """{result_version: {"inputs": sha256, "results": sha256}}"""
    found: dict[str, dict[str, str]] = json.loads(GOLDEN.read_text())
    return found


def measured(folder: Path) -> dict[str, str]:
    """Hashes of the fixed samples and of what the batch step makes of them."""
    write_study(folder / "study", STUDY)
    reads = sorted((folder / "study/reads").iterdir())
    contents = (path.name.encode() + _unpacked(path) for path in reads)
    return {"inputs": _sha256(contents), "results": _sha256(_results(folder, kind) for kind in SETTINGS)}


def _results(folder: Path, kind: str) -> bytes:
    samples = find_samples(folder / "study/reads")
    if kind == "single":
        samples = [FoundSample(one.name, one.files[:1], one.problem, "single") for one in samples]
    given = {"reference": "unused", **SETTINGS[kind]}
    manifest = write_manifest(folder / f"{kind}.json", samples, 1, given, str(folder / kind))
    run(["analyze-batch", "--manifest", str(manifest), "--batch", "0"])
    return b"".join(_result(path) for path in sorted((folder / kind).iterdir()))


def _result(path: Path) -> bytes:
    """Sequences without their compression; of a status document what does not name this folder or the package."""
    if path.suffix == ".gz":
        return gzip.decompress(path.read_bytes())
    document: dict[str, Any] = json.loads(path.read_text())
    kept = {name: document[name] for name in ("schema_version", "key", "settings", "status", "reads", "unique")}
    fault = document.get("quarantine") or {}
    kept["quarantine"] = [Path(fault.get("file", "")).name, fault.get("record")]
    return json.dumps(kept, sort_keys=True).encode()


def _unpacked(path: Path) -> bytes:
    """A torn file as it is."""
    try:
        return gzip.decompress(path.read_bytes())
    except (EOFError, OSError):
        return path.read_bytes() if path.suffix != ".gz" else path.name.encode()


def _sha256(parts: Any) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        now = measured(Path(folder))
    known = recorded() if GOLDEN.exists() else {}
    before = known.get(version())
    if before and before["inputs"] == now["inputs"] and before["results"] != now["results"]:
        print(f"result_version {version()} has its results already: raise it in task.toml, then record them")
        return 1
    GOLDEN.write_text(json.dumps({**known, version(): now}, indent=1, sort_keys=True) + "\n")
    print(f"{GOLDEN.name}: result_version {version()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
