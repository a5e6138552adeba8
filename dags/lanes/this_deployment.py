"""The deployment that these DAGs belong to: its manifest, read once per process from the file beside the DAGs."""

import os
from functools import cache
from pathlib import Path

from platform_spec.manifest import FILE_NAME, Manifest


@cache
def deployment() -> Manifest:
    """Return the manifest of this deployment; raises ManifestError. TASKLANE_MANIFEST names another file for tests."""
    beside_the_dags = Path(__file__).resolve().parent.parent / FILE_NAME
    return Manifest.read(Path(os.environ.get("TASKLANE_MANIFEST") or beside_the_dags))
