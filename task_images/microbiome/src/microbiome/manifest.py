"""The fan-out manifest: which samples there are, which batch each one belongs to, where its result goes."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from microbiome import storage
from microbiome.errors import BadInput
from microbiome.names import PAIRED, SINGLE, name_problem
from microbiome.settings import Settings, parse_settings

SCHEMA_VERSION = 1
# How many files an item of each layout may have.
ALLOWED_FILES: dict[str, Callable[[int], bool]] = {
    "": lambda count: count in (1, 2),
    PAIRED: lambda count: count > 0 and count % 2 == 0,
    SINGLE: lambda count: count > 0,
}


@dataclass(frozen=True)
class Item:
    """One sample. `files` holds R1 and R2 of each lane in turn, or a file of single reads per lane.

    `layout` tells them apart; empty: two files are R1 and R2, one holds single reads. `result` is a URI stem without
    ending.
    """

    key: str
    files: tuple[str, ...]
    result: str
    batch: int | None
    problem: str = ""
    layout: str = ""

    @property
    def is_paired(self) -> bool:
        return self.layout == PAIRED or (not self.layout and len(self.files) == 2)


@dataclass(frozen=True)
class Manifest:
    uri: str
    settings: Settings
    items: tuple[Item, ...]
    batches: int

    def batch(self, index: int) -> list[Item]:
        """The items of one batch; an index that the manifest does not have is an error."""
        items = [item for item in self.items if item.batch == index]
        if not items:
            known = sorted({item.batch for item in self.items if item.batch is not None})
            raise BadInput(f"{self.uri}: no batch {index}; batches in the manifest: {known or 'none'}")
        return items

    def duplicates(self) -> set[str]:
        """Sample names that occur more than once: nobody can say which reads are meant."""
        return {key for key, count in Counter(item.key for item in self.items).items() if count > 1}


def read_manifest(uri: str) -> Manifest:
    """Read and check a manifest. Unknown parameters, a wrong schema version and odd items are errors."""
    try:
        document = json.loads(storage.read_bytes(uri))
    except (ValueError, UnicodeDecodeError) as error:
        raise BadInput(f"{uri}: not a JSON document: {error}") from None
    if not isinstance(document, dict) or document.get("schema_version") != SCHEMA_VERSION:
        found = document.get("schema_version") if isinstance(document, dict) else type(document).__name__
        raise BadInput(f"{uri}: schema_version {found!r} is not supported; this image reads {SCHEMA_VERSION}")
    settings = parse_settings(document.get("parameters", {}), f"{uri}: parameters")
    if not settings.reference:
        raise BadInput(f"{uri}: parameters: reference is empty; give the URI of a reference FASTA or prepared model")
    items = tuple(_item(uri, index, entry) for index, entry in enumerate(document.get("items", [])))
    if not items:
        raise BadInput(f"{uri}: no items: there is nothing to analyse")
    return Manifest(uri, settings, items, len({item.batch for item in items if item.batch is not None}))


def _item(uri: str, index: int, entry: Any) -> Item:
    place = f"{uri}: items[{index}]"
    try:
        key, files, result = str(entry["key"]), tuple(str(file) for file in entry["files"]), str(entry["result"])
        batch = None if entry["batch"] is None else int(entry["batch"])
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput(f"{place}: needs key, files, result and batch ({type(error).__name__}: {error})") from None
    problem, layout = str(entry.get("problem") or ""), str(entry.get("layout") or "")
    if name_problem(key):
        raise BadInput(f"{place}: key {key!r} is empty or has control characters, which no table can hold")
    if layout not in ALLOWED_FILES:
        raise BadInput(f"{place}: layout {layout!r} is not known; allowed: {PAIRED}, {SINGLE}, or none")
    if not ALLOWED_FILES[layout](len(files)) and not problem:
        raise BadInput(
            f"{place}: {len(files)} files; allowed: R1 and R2, or one file of single reads; for more than one lane with"
            f" layout '{PAIRED}' (R1 and R2 of each lane in turn) or '{SINGLE}' (one file per lane)"
        )
    return Item(key, files, result, batch, problem, layout)
