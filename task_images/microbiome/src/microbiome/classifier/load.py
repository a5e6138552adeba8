"""A model from whatever the parameter `reference` names; trained models are kept, so that each is trained once."""

import hashlib
from pathlib import Path

from microbiome import storage
from microbiome.classifier.model import FORMAT, Model, train
from microbiome.classifier.reference import Reference, cut_to_region, read_reference
from microbiome.errors import BadInput
from microbiome.settings import Settings

NUMPY_MAGIC = b"PK\x03\x04"
SHARE_WITH_PRIMERS = 0.5


def load_model(settings: Settings, scratch: Path) -> tuple[Model, str]:
    """The model and a fingerprint of its reference. Trained models are kept in <samples_uri>/models/.

    With primers in the settings a FASTA is cut to the region between them before training.
    """
    uri = settings.reference
    try:
        path = storage.fetch(uri, scratch)
    except storage.Missing:
        raise BadInput(f"reference {uri} does not exist; give the URI of a FASTA with taxonomy or a model") from None
    with path.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
        handle.seek(0)
        begin = handle.read(4)
    if begin == NUMPY_MAGIC:
        return Model.from_bytes(path.read_bytes(), uri), digest
    kept = _place_of_model(settings, digest)
    if kept:
        try:
            return Model.from_bytes(storage.read_bytes(kept), kept), digest
        except storage.Missing:
            print(f"training the classifier on {uri}", flush=True)
    model = train(_region(read_reference(path, uri), settings))
    if kept:
        storage.write_once(kept, model.to_bytes())
    return model, digest


def _place_of_model(settings: Settings, digest: str) -> str:
    """The name holds all that the model depends on; empty if there is no place for models."""
    if not settings.samples_uri:
        return ""
    what = f"{digest} {settings.forward_primer} {settings.reverse_primer}".encode()
    return f"{settings.samples_uri.rstrip('/')}/models/{hashlib.sha256(what).hexdigest()}-{FORMAT}.npz"


def _region(reference: Reference, settings: Settings) -> Reference:
    """The part between the primers, unless most entries lack them: a reference that somebody has cut already."""
    if not settings.forward_primer:
        return reference
    cut = cut_to_region(reference, settings.forward_primer, settings.reverse_primer)
    found, whole = len(cut.sequences), len(reference.sequences)
    if found < SHARE_WITH_PRIMERS * whole:
        print(f"only {found} of {whole} reference sequences have both primers: whole sequences are used", flush=True)
        return reference
    print(f"{found} of {whole} reference sequences have both primers and were cut to the region", flush=True)
    return cut
