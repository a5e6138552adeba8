"""A model from whatever the parameter `reference` names; trained models are kept, so that each is trained once."""

import hashlib
from pathlib import Path

from microbiome import storage
from microbiome.classifier.model import FORMAT, Model, train
from microbiome.classifier.reference import read_reference
from microbiome.errors import BadInput

NUMPY_MAGIC = b"PK\x03\x04"


def load_model(reference: str, cache_uri: str, scratch: Path) -> tuple[Model, str]:
    """The model and a fingerprint of its reference. `cache_uri` is where trained models are kept ("": nowhere)."""
    try:
        path = storage.fetch(reference, scratch)
    except storage.Missing:
        raise BadInput(
            f"reference {reference} does not exist; give the URI of a FASTA with taxonomy or a model"
        ) from None
    with path.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
        handle.seek(0)
        begin = handle.read(4)
    if begin == NUMPY_MAGIC:
        return Model.from_bytes(path.read_bytes(), reference), digest
    kept = f"{cache_uri.rstrip('/')}/models/{digest}-{FORMAT}.npz" if cache_uri else ""
    if kept:
        try:
            return Model.from_bytes(storage.read_bytes(kept), kept), digest
        except storage.Missing:
            print(f"training the classifier on {reference}", flush=True)
    model = train(read_reference(path, reference))
    if kept:
        storage.write_once(kept, model.to_bytes())
    return model, digest
